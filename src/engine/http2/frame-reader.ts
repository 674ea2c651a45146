// Cuts what a client sends into frames (RFC 9113 §4.1): preface, frame heads, whole payloads. Of a frame that comes in
// parts it keeps a copy, at most one frame of the default size; what frames mean is frame-parser.ts's business.
import { CLIENT_PREFACE, DEFAULT_MAX_FRAME_BYTES, FRAME_HEAD_BYTES, FrameType, readUint31 } from "./protocol.ts";

/** Takes the frames in order. */
export interface FrameSink {
  /**
   * One frame; type, flags and stream are in the reader's fields. `bytes` are valid during the call.
   * @returns false: no more is to be read.
   */
  onFrame(bytes: Buffer, start: number, end: number): boolean;
  /** The first bytes are not HTTP/2's: nothing more is read. */
  onBadPreface(): void;
  /** A frame is larger than we allow: nothing more is read. */
  onOversizedFrame(): void;
}

export class FrameReader {
  type = 0;
  flags = 0;
  streamId = 0;
  readonly #sink: FrameSink;
  #prefaceLeft = CLIENT_PREFACE.length;
  /** The head of a frame, and later the whole frame, that came in parts. */
  #partial: Buffer | null = null;
  #partialLength = 0;
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  get isPrefaceDue(): boolean {
    return this.#prefaceLeft > 0;
  }

  /** Part of a frame with header fields is there, its rest is not. */
  get isWithinHead(): boolean {
    const partial = this.#partial;
    if (partial === null || this.#partialLength < FRAME_HEAD_BYTES) return false;
    return partial[3] === FrameType.headers || partial[3] === FrameType.continuation;
  }

  /** Nothing more is read. */
  stop(): void {
    this.#isStopped = true;
    this.#partial = null;
  }

  /** @param bytes what came next. */
  read(bytes: Buffer): void {
    if (this.#isStopped) return;
    const { length } = bytes;
    let position = this.#prefaceLeft > 0 ? this.#readPreface(bytes) : 0;
    while (position < length && !this.#isStopped) {
      if (this.#partial !== null || length - position < FRAME_HEAD_BYTES) position = this.#readPart(bytes, position);
      else position = this.#readFrame(bytes, position);
    }
  }

  #readPreface(bytes: Buffer): number {
    const start = CLIENT_PREFACE.length - this.#prefaceLeft;
    const count = Math.min(this.#prefaceLeft, bytes.length);
    for (let i = 0; i < count; i++) {
      if (bytes[i] === CLIENT_PREFACE[start + i]) continue;
      this.stop();
      this.#sink.onBadPreface();
      return bytes.length;
    }
    this.#prefaceLeft -= count;
    return count;
  }

  /** A frame whose head is whole; the position after it. */
  #readFrame(bytes: Buffer, position: number): number {
    const length = frameLength(bytes, position);
    const start = position + FRAME_HEAD_BYTES;
    const end = start + length;
    if (length > DEFAULT_MAX_FRAME_BYTES) {
      this.stop();
      this.#sink.onOversizedFrame();
      return bytes.length;
    }
    if (end > bytes.length) return this.#keep(bytes, position, FRAME_HEAD_BYTES + length);
    this.#deliver(bytes, position, end);
    return end;
  }

  #keep(bytes: Buffer, position: number, size: number): number {
    this.#partial = Buffer.allocUnsafe(size);
    this.#partialLength = bytes.copy(this.#partial, 0, position);
    return bytes.length;
  }

  /** Adds to the frame that came in parts. */
  #readPart(bytes: Buffer, position: number): number {
    if (this.#partial === null) return this.#keep(bytes, position, FRAME_HEAD_BYTES);
    const partial = this.#partial;
    const copied = bytes.copy(partial, this.#partialLength, position);
    this.#partialLength += copied;
    if (this.#partialLength < partial.length) return position + copied;
    if (partial.length === FRAME_HEAD_BYTES) this.#completeHead(partial);
    else {
      this.#partial = null;
      this.#deliver(partial, 0, partial.length);
    }
    return position + copied;
  }

  /** The head is whole: makes room for the payload. */
  #completeHead(head: Buffer): void {
    const length = frameLength(head, 0);
    if (length > DEFAULT_MAX_FRAME_BYTES) {
      this.stop();
      this.#sink.onOversizedFrame();
    } else if (length === 0) {
      this.#partial = null;
      this.#deliver(head, 0, FRAME_HEAD_BYTES);
    } else this.#keep(head, 0, FRAME_HEAD_BYTES + length);
  }

  #deliver(bytes: Buffer, position: number, end: number): void {
    this.type = bytes[position + 3] as number;
    this.flags = bytes[position + 4] as number;
    this.streamId = readUint31(bytes, position + 5);
    if (!this.#sink.onFrame(bytes, position + FRAME_HEAD_BYTES, end)) this.stop();
  }
}

function frameLength(bytes: Buffer, position: number): number {
  return ((bytes[position] as number) << 16) | ((bytes[position + 1] as number) << 8) | (bytes[position + 2] as number);
}
