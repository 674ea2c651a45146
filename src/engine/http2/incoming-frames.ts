// What each frame of a client may do in the state of its stream (RFC 9113 §5.1, §6): bodies and trailers go to streams,
// windows and settings are kept, new streams are announced. Its form was checked by frame-parser.ts.
import type { FloodGuard } from "./flood-guard.ts";
import { ReceiveWindow, SendWindow } from "./flow-control.ts";
import { type DataPart, type FrameEvents, FrameParser } from "./frame-parser.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { DEFAULT_WINDOW_BYTES, ErrorCode, Flag, frameHead, FrameType } from "./protocol.ts";
import { readTrailers } from "./request-head.ts";
import type { Http2ServerLimits } from "./server-limits.ts";
import type { Http2ServerStream } from "./server-stream.ts";
import { ClientSettings, SETTINGS_ACK, settingsFrame } from "./settings.ts";
import type { StreamTable } from "./stream-table.ts";

/** What frames may ask of the connection. */
export interface FrameOwner {
  readonly writer: FrameWriter;
  readonly streams: StreamTable;
  readonly guard: FloodGuard;
  /** What the client lets us send on the connection. */
  readonly sendWindow: SendWindow;
  /** Nothing more is to be read. */
  readonly isDestroyed: boolean;
  now(): number;
  /** The client has seen the PING that followed the first GOAWAY. False: there was none, or that was known. */
  endRoundTrip(): boolean;
  /** A stream was opened; its header list lies in `head`. */
  onNewStream(streamId: number, head: HpackDecoder, endOfStream: boolean): void;
  /** There may be room for streams that wait. */
  pumpWaiting(): void;
  /** A stream came to nothing, whoever reset it. */
  chargeReset(): void;
  /** The client broke the rules of the connection. */
  fail(code: number, reason: string): void;
}

/** Header lines above the limit which are still answered with 431; crumbs of a cookie are single lines here. */
const EXTRA_HEADER_LINES = 156;
/** Header lists, decoded, up to so many times the limit are answered with 431; beyond, the stream is reset. */
const HEADER_LIST_FACTOR = 2;
/** RFC 9113 §6.5.3 leaves the time to us. */
const SETTINGS_TIMEOUT_MS = 10_000;
/** Of the PING that measures a round trip before the last GOAWAY: eight bytes. */
const ROUND_TRIP_TEXT = "goodbye.";
/** Sent after the first GOAWAY: when its answer is here, so are the streams that the client opened before it knew. */
export const ROUND_TRIP_PING: string = frameHead(ROUND_TRIP_TEXT.length, FrameType.ping, 0, 0) + ROUND_TRIP_TEXT;
/** A client is told of room in the window after this part of it was taken. */
const WINDOW_STEPS = 4;

export class IncomingFrames implements FrameSink, FrameEvents {
  readonly #owner: FrameOwner;
  readonly #limits: Http2ServerLimits;
  readonly #reader: FrameReader;
  readonly #parser: FrameParser;
  readonly #decoder: HpackDecoder;
  readonly #settings = new ClientSettings();
  readonly #receiveWindow: ReceiveWindow;
  /** What a stream's receive window begins with: the default until the client knows ours. */
  #streamWindowBytes = DEFAULT_WINDOW_BYTES;
  #isSettingsDue = true;
  /** On the owner's clock: since when the client, having sent its preface, could have acknowledged ours; -1: not yet. */
  #settingsDueSinceMs = -1;
  /** The stream that the last frames were for. */
  #touched: Http2ServerStream | null = null;
  #headsRead = 0;
  /** On the owner's clock: since when, and after how many others, a head has been incomplete; -1: none is. */
  #headPendingSinceMs = -1;
  #headPendingAfter = 0;

  constructor(owner: FrameOwner, limits: Http2ServerLimits) {
    this.#owner = owner;
    this.#limits = limits;
    this.#reader = new FrameReader(this);
    const maxListBytes = limits.maxHeaderBytes * HEADER_LIST_FACTOR;
    this.#parser = new FrameParser(this, maxListBytes);
    this.#decoder = new HpackDecoder({ maxListBytes, maxLines: limits.maxHeaderCount + EXTRA_HEADER_LINES });
    const { connectionWindowBytes, maxConcurrentStreams, streamWindowBytes } = limits;
    this.#receiveWindow = new ReceiveWindow(connectionWindowBytes, connectionWindowBytes / WINDOW_STEPS);
    owner.writer.frames(settingsFrame({ maxConcurrentStreams, streamWindowBytes, maxHeaderListBytes: maxListBytes }));
    const extraBytes = connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (extraBytes > 0) owner.writer.windowUpdate(0, extraBytes);
  }

  /** @param bytes valid during the call. */
  read(bytes: Buffer): void {
    this.#reader.read(bytes);
    this.#touch(null);
  }

  /** Nothing more is read. */
  stop(): void {
    this.#reader.stop();
  }

  /** Of a stream that the client opens now. */
  newSendWindow(): SendWindow {
    return new SendWindow(this.#settings.initialWindowBytes);
  }

  /** Of a stream that the client opens now. */
  newReceiveWindow(): ReceiveWindow {
    return new ReceiveWindow(this.#streamWindowBytes, this.#limits.streamWindowBytes / WINDOW_STEPS);
  }

  /** Bytes of a request's body were taken, or thrown away. */
  releaseBody(bytes: number): void {
    const increment = this.#receiveWindow.release(bytes);
    if (increment > 0) this.#owner.writer.windowUpdate(0, increment);
  }

  onFrame(bytes: Buffer, start: number, end: number): boolean {
    const { type, flags, streamId } = this.#reader;
    const code = this.#parser.parse(type, flags, streamId, bytes, start, end);
    if (code !== ErrorCode.noError) this.#owner.fail(code, `frame type ${type} broke the protocol, error code ${code}`);
    return !this.#owner.isDestroyed;
  }

  onBadPreface(): void {
    this.#owner.fail(ErrorCode.protocolError, "the connection does not begin with HTTP/2's preface");
  }

  onOversizedFrame(): void {
    this.#owner.fail(ErrorCode.frameSizeError, "a frame is larger than allowed");
  }

  onData(streamId: number, data: DataPart): number {
    const { flowBytes, endOfStream } = data;
    const length = data.end - data.start;
    if (!this.#receiveWindow.receive(flowBytes)) return ErrorCode.flowControlError;
    const stream = this.#owner.streams.get(streamId);
    if (stream === undefined) {
      this.releaseBody(flowBytes);
      return this.#onLateData(streamId, flowBytes);
    }
    if (length > 0 || endOfStream) this.#owner.guard.noteDataReceived(length);
    else if (this.onIdleFrame() !== ErrorCode.noError) return ErrorCode.enhanceYourCalm;
    this.#touch(stream);
    return stream.receiveData(data);
  }

  /** Of a stream that is not open. */
  #onLateData(streamId: number, flowBytes: number): number {
    const state = this.#owner.streams.stateOf(streamId);
    if (state === "idle") return ErrorCode.protocolError;
    // What was on its way when we reset the stream is judged by its bytes.
    const isExpected = state === "reset" || state === "passed";
    if (isExpected && flowBytes > 0) return ErrorCode.noError;
    if (isExpected) return this.onIdleFrame();
    this.#owner.writer.reset(streamId, ErrorCode.streamClosed);
    this.#owner.chargeReset();
    return ErrorCode.noError;
  }

  // oxlint-disable-next-line max-params -- once a request on the hot path
  onHeaders(streamId: number, block: Buffer, start: number, end: number, endOfStream: boolean): number {
    const decoder = this.#decoder;
    // Also where nobody wants them: blocks change the table.
    if (!decoder.decode(block, start, end)) return ErrorCode.compressionError;
    this.#headsRead++;
    const stream = this.#owner.streams.get(streamId);
    if (stream !== undefined) {
      this.#touch(stream);
      this.#onTrailers(stream, endOfStream);
      return ErrorCode.noError;
    }
    const state = this.#owner.streams.stateOf(streamId);
    if (state === "idle") {
      this.#owner.streams.use(streamId);
      this.#owner.onNewStream(streamId, decoder, endOfStream);
      return ErrorCode.noError;
    }
    if (state === "unknown") return ErrorCode.protocolError;
    if (state === "ended") return ErrorCode.streamClosed;
    return this.onIdleFrame();
  }

  #onTrailers(stream: Http2ServerStream, endOfStream: boolean): void {
    const { lines, isMalformed, isTooLarge } = this.#decoder;
    if (stream.isRequestEnded) stream.resetWith(ErrorCode.streamClosed);
    else if (isTooLarge) stream.resetWith(ErrorCode.enhanceYourCalm);
    else if (isMalformed || !endOfStream || hasPseudoHeader(lines)) stream.resetWith(ErrorCode.protocolError);
    else stream.receiveTrailers(readTrailers(lines));
  }

  onReset(streamId: number): number {
    const stream = this.#owner.streams.get(streamId);
    if (stream === undefined) {
      return this.#owner.streams.stateOf(streamId) === "idle" ? ErrorCode.protocolError : this.onIdleFrame();
    }
    stream.onReset();
    return ErrorCode.noError;
  }

  onStreamError(streamId: number, code: number): number {
    const stream = this.#owner.streams.get(streamId);
    if (stream !== undefined) stream.resetWith(code);
    else if (this.#owner.streams.stateOf(streamId) === "idle") return code;
    return this.onIdleFrame();
  }

  onSettings(bytes: Buffer, start: number, end: number): number {
    if (this.onIdleFrame() !== ErrorCode.noError) return ErrorCode.enhanceYourCalm;
    const before = this.#settings.initialWindowBytes;
    const code = this.#settings.read(bytes, start, end);
    if (code !== ErrorCode.noError) return code;
    this.#owner.writer.frames(SETTINGS_ACK);
    const change = this.#settings.initialWindowBytes - before;
    if (change === 0) return ErrorCode.noError;
    for (const stream of this.#owner.streams.list()) {
      if (!stream.sendWindow.grow(change)) return ErrorCode.flowControlError;
      stream.pump();
    }
    this.#owner.pumpWaiting();
    return ErrorCode.noError;
  }

  onSettingsAck(): number {
    if (!this.#isSettingsDue) return this.onIdleFrame();
    this.#isSettingsDue = false;
    const { streamWindowBytes } = this.#limits;
    for (const stream of this.#owner.streams.list()) {
      stream.receiveWindow.widen(streamWindowBytes - this.#streamWindowBytes);
    }
    this.#streamWindowBytes = streamWindowBytes;
    return ErrorCode.noError;
  }

  onPing(bytes: Buffer, start: number): number {
    if (this.onIdleFrame() !== ErrorCode.noError) return ErrorCode.enhanceYourCalm;
    this.#owner.writer.frames(frameHead(8, FrameType.ping, Flag.ack, 0) + bytes.toString("latin1", start, start + 8));
    return ErrorCode.noError;
  }

  onPingAck(bytes: Buffer, start: number): number {
    const isOurs = bytes.toString("latin1", start, start + ROUND_TRIP_TEXT.length) === ROUND_TRIP_TEXT;
    return isOurs && this.#owner.endRoundTrip() ? ErrorCode.noError : this.onIdleFrame();
  }

  onWindowUpdate(streamId: number, increment: number): number {
    if (streamId === 0) {
      if (increment === 0) return ErrorCode.protocolError;
      if (!this.#owner.sendWindow.grow(increment)) return ErrorCode.flowControlError;
      this.#owner.pumpWaiting();
      return ErrorCode.noError;
    }
    const stream = this.#owner.streams.get(streamId);
    if (stream === undefined) {
      return this.#owner.streams.stateOf(streamId) === "idle" ? ErrorCode.protocolError : ErrorCode.noError;
    }
    if (increment === 0) stream.resetWith(ErrorCode.protocolError);
    else if (!stream.sendWindow.grow(increment)) stream.resetWith(ErrorCode.flowControlError);
    else {
      stream.pump();
      // It may have had its turn, not all that it could.
      this.#owner.pumpWaiting();
    }
    return ErrorCode.noError;
  }

  onIdleFrame(): number {
    return this.#owner.guard.allowsFrame(this.#owner.now()) ? ErrorCode.noError : ErrorCode.enhanceYourCalm;
  }

  /** Frames for another stream follow, or none: what was given is complete. */
  #touch(stream: Http2ServerStream | null): void {
    const touched = this.#touched;
    if (touched === stream) return;
    this.#touched = stream;
    touched?.completeRead();
  }

  /** The client has had our SETTINGS for too long without a word. Asked now and then, while its bytes are read. */
  areSettingsLate(now: number): boolean {
    if (!this.#isSettingsDue || this.#reader.isPrefaceDue) return false;
    if (this.#settingsDueSinceMs < 0) this.#settingsDueSinceMs = now;
    return now - this.#settingsDueSinceMs >= SETTINGS_TIMEOUT_MS;
  }

  /** The preface, or the same header block, has been incomplete for too long. */
  isHeadLate(now: number): boolean {
    const isPending = this.#reader.isPrefaceDue || this.#reader.isWithinHead || this.#parser.isWithinBlock;
    if (!isPending) this.#headPendingSinceMs = -1;
    else if (this.#headPendingSinceMs < 0 || this.#headPendingAfter !== this.#headsRead) {
      this.#headPendingSinceMs = now;
      this.#headPendingAfter = this.#headsRead;
    }
    return isPending && now - this.#headPendingSinceMs >= this.#limits.headerTimeoutMs;
  }
}

/** RFC 9113 §8.1: trailers have none. */
function hasPseudoHeader(lines: readonly string[]): boolean {
  for (let i = 0; i < lines.length; i += 2) if ((lines[i] as string).startsWith(":")) return true;
  return false;
}
