// Checks the form of each frame (RFC 9113 §6) and puts header blocks together: what comes out is well-formed, if not yet
// allowed in the state of its stream, which is server-connection.ts's business.
import { ErrorCode, Flag, FrameType, readUint31 } from "./protocol.ts";

/** What a frame says. Each returns an error code of the connection, 0 to go on. */
export interface FrameEvents {
  /** `bytes` from `start` to `end` without padding; `flowBytes` with it. */
  onData(streamId: number, data: DataPart): number;
  /** A whole header block; `bytes` are valid during the call. */
  onHeaders(streamId: number, block: Buffer, start: number, end: number, endOfStream: boolean): number;
  onReset(streamId: number): number;
  onSettings(bytes: Buffer, start: number, end: number): number;
  onSettingsAck(): number;
  onPing(bytes: Buffer, start: number): number;
  onPingAck(bytes: Buffer, start: number): number;
  onWindowUpdate(streamId: number, increment: number): number;
  /** The frame is malformed, which costs its stream only. */
  onStreamError(streamId: number, code: number): number;
  /** A frame that asks for nothing. */
  onIdleFrame(): number;
}

/** Part of a body, reused from frame to frame. */
export interface DataPart {
  bytes: Buffer;
  start: number;
  end: number;
  /** What counts for the windows: padding too. */
  flowBytes: number;
  endOfStream: boolean;
}

const EMPTY = Buffer.alloc(0);
const PING_BYTES = 8;
const GOAWAY_BYTES = 8;
const PRIORITY_BYTES = 5;
const UINT32_BYTES = 4;
/** Frames of one header block after the first: CVE-2024-27983 and its kin. */
const MAX_CONTINUATIONS = 16;

export class FrameParser {
  readonly #events: FrameEvents;
  readonly #maxBlockBytes: number;
  readonly #data: DataPart = { bytes: EMPTY, start: 0, end: 0, flowBytes: 0, endOfStream: false };
  #isFirst = true;
  /** Stream whose header block is not complete; 0: none. */
  #blockId = 0;
  #blockParts: Buffer[] = [];
  #blockBytes = 0;
  #blockEndsStream = false;
  /** Where the payload lies, without padding. */
  #start = 0;
  #end = 0;

  /** @param maxBlockBytes of a header block as sent. */
  constructor(events: FrameEvents, maxBlockBytes: number) {
    this.#events = events;
    this.#maxBlockBytes = maxBlockBytes;
  }

  /** A header block has begun and not ended. */
  get isWithinBlock(): boolean {
    return this.#blockId !== 0;
  }

  /** @returns an error code of the connection, or 0. */
  // oxlint-disable-next-line max-params -- once a frame on the hot path
  parse(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): number {
    if (this.#isFirst) {
      if (type !== FrameType.settings || (flags & Flag.ack) !== 0) return ErrorCode.protocolError;
      this.#isFirst = false;
    }
    if (this.#blockId !== 0 && (type !== FrameType.continuation || streamId !== this.#blockId)) {
      return ErrorCode.protocolError;
    }
    this.#start = start;
    this.#end = end;
    switch (type) {
      case FrameType.data:
        return this.#parseData(flags, streamId, bytes);
      case FrameType.headers:
        return this.#parseHeaders(flags, streamId, bytes);
      case FrameType.priority:
        return this.#parsePriority(streamId, end - start);
      case FrameType.rstStream:
        if (end - start !== UINT32_BYTES) return ErrorCode.frameSizeError;
        return streamId === 0 ? ErrorCode.protocolError : this.#events.onReset(streamId);
      case FrameType.settings:
        return this.#parseSettings(flags, streamId, bytes);
      case FrameType.ping:
        if (streamId !== 0) return ErrorCode.protocolError;
        if (end - start !== PING_BYTES) return ErrorCode.frameSizeError;
        return (flags & Flag.ack) !== 0 ? this.#events.onPingAck(bytes, start) : this.#events.onPing(bytes, start);
      case FrameType.goaway:
        if (streamId !== 0) return ErrorCode.protocolError;
        return end - start < GOAWAY_BYTES ? ErrorCode.frameSizeError : this.#events.onIdleFrame();
      case FrameType.windowUpdate:
        if (end - start !== UINT32_BYTES) return ErrorCode.frameSizeError;
        return this.#events.onWindowUpdate(streamId, readUint31(bytes, start));
      case FrameType.continuation:
        return this.#parseContinuation(flags, bytes);
      case FrameType.pushPromise:
        return ErrorCode.protocolError;
      default:
        // RFC 9113 §5.5: types that are not known are passed over.
        return this.#events.onIdleFrame();
    }
  }

  #parseData(flags: number, streamId: number, bytes: Buffer): number {
    if (streamId === 0) return ErrorCode.protocolError;
    const data = this.#data;
    data.flowBytes = this.#end - this.#start;
    if (!this.#stripPadding(flags, bytes)) return ErrorCode.protocolError;
    data.bytes = bytes;
    data.start = this.#start;
    data.end = this.#end;
    data.endOfStream = (flags & Flag.endStream) !== 0;
    const code = this.#events.onData(streamId, data);
    data.bytes = EMPTY;
    return code;
  }

  #parseHeaders(flags: number, streamId: number, bytes: Buffer): number {
    // Clients open odd streams only (RFC 9113 §5.1.1).
    if (streamId % 2 === 0) return ErrorCode.protocolError;
    const isPadded = (flags & Flag.padded) !== 0;
    if (this.#end - this.#start < (isPadded ? 1 : 0) + ((flags & Flag.priority) !== 0 ? PRIORITY_BYTES : 0)) {
      return ErrorCode.frameSizeError;
    }
    if (!this.#stripPadding(flags, bytes)) return ErrorCode.protocolError;
    // RFC 9113 §5.3.2: priorities are not used, a stream that depends on itself is none of our worries.
    if ((flags & Flag.priority) !== 0) this.#start += PRIORITY_BYTES;
    if (this.#start > this.#end) return ErrorCode.protocolError;
    const endOfStream = (flags & Flag.endStream) !== 0;
    if ((flags & Flag.endHeaders) !== 0) {
      return this.#events.onHeaders(streamId, bytes, this.#start, this.#end, endOfStream);
    }
    this.#blockId = streamId;
    this.#blockEndsStream = endOfStream;
    return this.#keepPart(bytes);
  }

  #parseContinuation(flags: number, bytes: Buffer): number {
    if (this.#blockId === 0) return ErrorCode.protocolError;
    const code = this.#keepPart(bytes);
    if (code !== ErrorCode.noError || (flags & Flag.endHeaders) === 0) return code;
    const block = Buffer.concat(this.#blockParts, this.#blockBytes);
    const streamId = this.#blockId;
    this.#blockId = 0;
    this.#blockParts = [];
    this.#blockBytes = 0;
    return this.#events.onHeaders(streamId, block, 0, block.length, this.#blockEndsStream);
  }

  #keepPart(bytes: Buffer): number {
    this.#blockBytes += this.#end - this.#start;
    if (this.#blockBytes > this.#maxBlockBytes || this.#blockParts.length > MAX_CONTINUATIONS) {
      return ErrorCode.enhanceYourCalm;
    }
    this.#blockParts.push(Buffer.from(bytes.subarray(this.#start, this.#end)));
    return ErrorCode.noError;
  }

  #parsePriority(streamId: number, length: number): number {
    if (streamId === 0) return ErrorCode.protocolError;
    return length === PRIORITY_BYTES
      ? this.#events.onIdleFrame()
      : this.#events.onStreamError(streamId, ErrorCode.frameSizeError);
  }

  #parseSettings(flags: number, streamId: number, bytes: Buffer): number {
    if (streamId !== 0) return ErrorCode.protocolError;
    if ((flags & Flag.ack) === 0) return this.#events.onSettings(bytes, this.#start, this.#end);
    return this.#end === this.#start ? this.#events.onSettingsAck() : ErrorCode.frameSizeError;
  }

  /** False: there is more padding than frame. */
  #stripPadding(flags: number, bytes: Buffer): boolean {
    if ((flags & Flag.padded) === 0) return true;
    if (this.#start === this.#end) return false;
    const padding = bytes[this.#start] as number;
    this.#start++;
    this.#end -= padding;
    return this.#start <= this.#end;
  }
}
