// Writes a connection's frames: what one turn of the event loop brings goes out in one piece. Heads and small bodies are
// gathered as text, large ones are laid out in one shared buffer that the socket empties within the call.
import { TLSSocket } from "node:tls";
import { COPY_BYTES } from "../transport/copy-bytes.ts";
import type { ByteSocket } from "../transport/byte-socket.ts";
import {
  DEFAULT_MAX_FRAME_BYTES,
  ErrorCode,
  Flag,
  FRAME_HEAD_BYTES,
  frameHead,
  FrameType,
  uint32Text,
} from "./protocol.ts";

/** Text that waits is written at this size at the latest. */
const MAX_TEXT_LENGTH = 32 * 1024;

/** Where frames and text are joined; given away, and replaced, where a socket does not take it at once. */
let scratch: Buffer = Buffer.allocUnsafeSlow(160 * 1024);

export class FrameWriter {
  readonly #socket: ByteSocket;
  readonly #isTls: boolean;
  #text = "";
  /** Stream of the DATA frame that may still become longer, or the last one; 0: none. */
  #openId = 0;
  #openData = "";
  #isScheduled = false;
  #isEnded = false;

  constructor(socket: ByteSocket) {
    this.#socket = socket;
    this.#isTls = socket instanceof TLSSocket;
  }

  /** The socket takes no more than it has; `drain` follows. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Bytes that are not written yet. */
  get pendingBytes(): number {
    return this.#socket.writableLength + this.#text.length + this.#openData.length;
  }

  /** Whole frames. */
  frames(text: string): void {
    if (this.#isEnded) return;
    this.#closeData();
    this.#text += text;
    this.#schedule();
  }

  /** A header block as HEADERS and as many CONTINUATION frames as it takes (RFC 9113 §4.3). */
  headers(streamId: number, block: string, endOfStream: boolean): void {
    const endFlag = endOfStream ? Flag.endStream : 0;
    if (block.length <= DEFAULT_MAX_FRAME_BYTES) {
      this.frames(frameHead(block.length, FrameType.headers, endFlag | Flag.endHeaders, streamId) + block);
      return;
    }
    let type: number = FrameType.headers;
    for (let start = 0; start < block.length; start += DEFAULT_MAX_FRAME_BYTES) {
      const part = block.slice(start, start + DEFAULT_MAX_FRAME_BYTES);
      const isLast = start + DEFAULT_MAX_FRAME_BYTES >= block.length;
      const flags = (type === FrameType.headers ? endFlag : 0) | (isLast ? Flag.endHeaders : 0);
      this.frames(frameHead(part.length, type, flags, streamId) + part);
      type = FrameType.continuation;
    }
  }

  /**
   * Bytes of a body, in frames of the default size; their memory is free after the call.
   * @param endOfStream they are the last.
   */
  // oxlint-disable-next-line max-params -- once a chunk on the hot path; an options object would be garbage
  data(streamId: number, bytes: Buffer, start: number, end: number, endOfStream: boolean): void {
    if (this.#isEnded) return;
    if (end - start > COPY_BYTES) {
      this.#writeLarge(streamId, bytes.subarray(start, end), endOfStream);
      return;
    }
    const text = bytes.toString("latin1", start, end);
    if (this.#openId === streamId && this.#openData.length + text.length <= DEFAULT_MAX_FRAME_BYTES) {
      this.#openData += text;
    } else {
      this.#closeData();
      this.#openId = streamId;
      this.#openData = text;
    }
    if (endOfStream) this.end(streamId);
    else this.#schedule();
  }

  /** The end of a body. */
  end(streamId: number): void {
    if (this.#isEnded) return;
    if (this.#openId !== streamId) this.#closeData();
    const data = this.#openData;
    this.#openId = 0;
    this.#openData = "";
    this.#text += frameHead(data.length, FrameType.data, Flag.endStream, streamId) + data;
    this.#schedule();
  }

  reset(streamId: number, code: number): void {
    this.frames(frameHead(4, FrameType.rstStream, 0, streamId) + uint32Text(code));
  }

  windowUpdate(streamId: number, increment: number): void {
    this.frames(frameHead(4, FrameType.windowUpdate, 0, streamId) + uint32Text(increment));
  }

  goaway(lastStreamId: number, code: number = ErrorCode.noError): void {
    this.frames(frameHead(8, FrameType.goaway, 0, 0) + uint32Text(lastStreamId) + uint32Text(code));
  }

  flush(): void {
    this.#isScheduled = false;
    this.#closeData();
    const text = this.#text;
    this.#text = "";
    if (text === "" || this.#isEnded || this.#socket.destroyed) return;
    this.#socket.write(text, "latin1");
  }

  /** Writes what is there and ends our side. */
  finish(): void {
    if (this.#isEnded) return;
    this.flush();
    this.#isEnded = true;
    this.#socket.end();
  }

  #closeData(): void {
    if (this.#openId === 0) return;
    const data = this.#openData;
    this.#text += frameHead(data.length, FrameType.data, 0, this.#openId) + data;
    this.#openId = 0;
    this.#openData = "";
  }

  #schedule(): void {
    if (this.#text.length > MAX_TEXT_LENGTH) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(flush, this);
    }
  }

  #writeLarge(streamId: number, bytes: Buffer, endOfStream: boolean): void {
    this.#closeData();
    const text = this.#text;
    this.#text = "";
    const { length } = bytes;
    const frameCount = Math.ceil(length / DEFAULT_MAX_FRAME_BYTES);
    const total = text.length + length + frameCount * FRAME_HEAD_BYTES;
    const socket = this.#socket;
    // An idle TLS socket encrypts within the call. A plain one keeps what it does not write within it: see below.
    const isShared = socket.writableLength === 0 && total <= scratch.length;
    const out = isShared ? scratch : Buffer.allocUnsafeSlow(total);
    let position = out.write(text, 0, "latin1");
    for (let start = 0; start < length; start += DEFAULT_MAX_FRAME_BYTES) {
      const end = Math.min(start + DEFAULT_MAX_FRAME_BYTES, length);
      position = writeDataHead(out, position, streamId, end - start, endOfStream && end === length);
      position += bytes.copy(out, position, start, end);
    }
    if (socket.destroyed) return;
    socket.write(out.subarray(0, total));
    if (isShared && socket.writableLength > 0 && !this.#isTls) scratch = Buffer.allocUnsafeSlow(scratch.length);
  }
}

// oxlint-disable-next-line max-params -- once a frame on the hot path
function writeDataHead(out: Buffer, position: number, streamId: number, length: number, isLast: boolean): number {
  out[position] = length >> 16;
  out[position + 1] = length >> 8;
  out[position + 2] = length;
  out[position + 3] = FrameType.data;
  out[position + 4] = isLast ? Flag.endStream : 0;
  out.writeUInt32BE(streamId, position + 5);
  return position + FRAME_HEAD_BYTES;
}

function flush(writer: FrameWriter): void {
  writer.flush();
}
