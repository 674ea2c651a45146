// A client's HTTP/2 connection (RFC 9113): decides what each frame may do in the state of its stream, opens streams for
// the workflow, and ends by GOAWAY. The form of frames is frame-parser.ts's business, what to answer the workflow's.
import type { Socket } from "node:net";
import { type TimerTarget, type TimerWheel, WheelTimer } from "../../lib/timer-wheel.ts";
import { HeaderList } from "../http/header-list.ts";
import { httpDate } from "../http/http-date.ts";
import { RequestHead, ResponseHead } from "../http/messages.ts";
import { statusText } from "../http/status-text.ts";
import type { DownstreamConnection, RequestListener } from "../proxy/downstream.ts";
import { ProxyError, type ProxyErrorType, statusOfError } from "../proxy/proxy-error.ts";
import { FloodGuard } from "./flood-guard.ts";
import { ReceiveWindow, SendWindow } from "./flow-control.ts";
import { type DataPart, type FrameEvents, FrameParser } from "./frame-parser.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { DEFAULT_WINDOW_BYTES, ErrorCode, Flag, frameHead, FrameType } from "./protocol.ts";
import { type Http2RequestParser, readTrailers } from "./request-head.ts";
import type { Http2ServerLimits } from "./server-limits.ts";
import { Http2ServerStream, type StreamEnding, type StreamOwner } from "./server-stream.ts";
import { ClientSettings, SETTINGS_ACK, settingsFrame } from "./settings.ts";
import { StreamTable } from "./stream-table.ts";

/** What all connections of a listener share. */
export interface Http2ServerContext {
  readonly limits: Http2ServerLimits;
  readonly parser: Http2RequestParser;
  readonly wheel: TimerWheel;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  readonly onRequest: RequestListener;
  /** A request, or a whole connection, that was refused before the workflow saw it. */
  onRefused(connection: DownstreamConnection, error: ProxyError): void;
  onClose(connection: Http2ServerConnection): void;
}

/** Header lines above the limit which are still answered with 431; crumbs of a cookie are single lines here. */
const EXTRA_HEADER_LINES = 156;
/** Header lists, decoded, up to so many times the limit are answered with 431; beyond, the stream is reset. */
const HEADER_LIST_FACTOR = 2;
/** Bytes of responses that wait in all streams; above it new ones are refused. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** Bytes that wait in the socket; above it nothing is read, so that nothing more is to be answered. */
const MAX_OUTPUT_BYTES = 256 * 1024;
const CHECK_INTERVAL_MS = 1_000;
/** Checks that a drained connection's client has to close its side before the socket is destroyed. */
const MAX_DRAINED_CHECKS = 10;
/** A client is told of room in the window after this part of it was taken. */
const WINDOW_STEPS = 4;
const REFUSAL_HEADERS: readonly string[] = ["content-type", "text/plain; charset=utf-8", "cache-control", "no-store"];
/** Where a request was refused there is none to show. */
const REFUSED_REQUEST = new RequestHead("GET", "/", "", "", 20, HeaderList.empty(), 0, "", false);

export class Http2ServerConnection implements FrameSink, FrameEvents, StreamOwner, TimerTarget {
  readonly connection: DownstreamConnection;
  readonly writer: FrameWriter;
  readonly sendWindow: SendWindow = new SendWindow(DEFAULT_WINDOW_BYTES);
  isFirstBlock = true;
  holdsReadBuffer = false;
  readonly #socket: Socket;
  readonly #context: Http2ServerContext;
  readonly #reader: FrameReader;
  readonly #parser: FrameParser;
  readonly #decoder: HpackDecoder;
  readonly #settings = new ClientSettings();
  readonly #receiveWindow: ReceiveWindow;
  readonly #streams = new StreamTable();
  readonly #guard: FloodGuard;
  readonly #timer: WheelTimer;
  /** What a stream's receive window begins with: the default until the client knows ours. */
  #streamWindowBytes = DEFAULT_WINDOW_BYTES;
  #isSettingsDue = true;
  /** The stream that the last frames were for. */
  #touched: Http2ServerStream | null = null;
  #queuedBytes = 0;
  #bytesRead = 0;
  #requests = 0;
  #headsRead = 0;
  /** On the context's clock: since when, and after how many others, a head has been incomplete; -1: none is. */
  #headPendingSinceMs = -1;
  #headPendingAfter = 0;
  /** On the context's clock: when a stream was last opened or closed. */
  #lastActivityMs: number;
  #isPaused = false;
  #isDraining = false;
  #isDestroyed = false;
  #drainedChecks = 0;

  /**
   * @param socket a TLS socket after ALPN `h2`, or a cleartext one whose client speaks HTTP/2 from the first byte. Who
   * makes the connection gives it what the socket reads, from the first byte on, through `onRead`.
   */
  constructor(socket: Socket, connection: DownstreamConnection, context: Http2ServerContext) {
    const { limits } = context;
    this.connection = connection;
    this.#socket = socket;
    this.#context = context;
    const now = context.now();
    this.#lastActivityMs = now;
    this.#guard = new FloodGuard(now);
    this.writer = new FrameWriter(socket);
    this.#reader = new FrameReader(this);
    const maxListBytes = limits.maxHeaderBytes * HEADER_LIST_FACTOR;
    this.#parser = new FrameParser(this, maxListBytes);
    this.#decoder = new HpackDecoder({ maxListBytes, maxLines: limits.maxHeaderCount + EXTRA_HEADER_LINES });
    const { connectionWindowBytes } = limits;
    this.#receiveWindow = new ReceiveWindow(connectionWindowBytes, connectionWindowBytes / WINDOW_STEPS);
    this.#timer = new WheelTimer(context.wheel, this);
    this.#timer.arm(CHECK_INTERVAL_MS);
    this.writer.frames(
      settingsFrame({
        maxConcurrentStreams: limits.maxConcurrentStreams,
        streamWindowBytes: limits.streamWindowBytes,
        maxHeaderListBytes: maxListBytes,
      }),
    );
    const extraBytes = connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (extraBytes > 0) this.writer.windowUpdate(0, extraBytes);
    socket.on("error", ignoreError);
    socket.on("drain", () => this.#onDrain());
    socket.on("end", () => this.#onEnd());
    socket.on("close", () => this.#onClose());
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  get isIdle(): boolean {
    return this.#streams.size === 0;
  }

  // ---- reading ---------------------------------------------------------------------------------------------------

  /** Bytes of one read; they may be overwritten after the call, unless `holdsReadBuffer` says that they wait. */
  onRead(bytes: Buffer): void {
    this.holdsReadBuffer = false;
    if (this.#isDestroyed) return;
    this.#bytesRead += bytes.length;
    this.#reader.read(bytes);
    this.#touch(null);
    // A client that asks and does not read would have its answers pile up.
    if (this.#isPaused || this.writer.pendingBytes <= MAX_OUTPUT_BYTES) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  onFrame(bytes: Buffer, start: number, end: number): boolean {
    const { type, flags, streamId } = this.#reader;
    const code = this.#parser.parse(type, flags, streamId, bytes, start, end);
    if (code !== ErrorCode.noError) this.#fail(code, `frame type ${type} broke the protocol, error code ${code}`);
    return !this.#isDestroyed;
  }

  onBadPreface(): void {
    this.#fail(ErrorCode.protocolError, "the connection does not begin with HTTP/2's preface");
  }

  onOversizedFrame(): void {
    this.#fail(ErrorCode.frameSizeError, "a frame is larger than allowed");
  }

  onData(streamId: number, data: DataPart): number {
    const { flowBytes, endOfStream } = data;
    const length = data.end - data.start;
    if (!this.#receiveWindow.receive(flowBytes)) return ErrorCode.flowControlError;
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.releaseBody(flowBytes);
      return this.#onLateData(streamId, flowBytes);
    }
    if (length > 0 || endOfStream) this.#guard.noteDataReceived(length);
    else if (this.onIdleFrame() !== ErrorCode.noError) return ErrorCode.enhanceYourCalm;
    this.#touch(stream);
    return stream.receiveData(data);
  }

  /** Of a stream that is not open. */
  #onLateData(streamId: number, flowBytes: number): number {
    const state = this.#streams.stateOf(streamId);
    if (state === "idle") return ErrorCode.protocolError;
    // What was on its way when we reset the stream is judged by its bytes.
    const isExpected = state === "reset" || state === "passed";
    if (isExpected && flowBytes > 0) return ErrorCode.noError;
    if (isExpected) return this.onIdleFrame();
    this.writer.reset(streamId, ErrorCode.streamClosed);
    this.#chargeReset();
    return ErrorCode.noError;
  }

  // oxlint-disable-next-line max-params -- once a request on the hot path
  onHeaders(streamId: number, block: Buffer, start: number, end: number, endOfStream: boolean): number {
    const decoder = this.#decoder;
    // Also where nobody wants them: blocks change the table.
    if (!decoder.decode(block, start, end)) return ErrorCode.compressionError;
    this.#headsRead++;
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      this.#touch(stream);
      this.#onTrailers(stream, endOfStream);
      return ErrorCode.noError;
    }
    const state = this.#streams.stateOf(streamId);
    if (state === "idle") {
      this.#streams.use(streamId);
      this.#open(streamId, endOfStream);
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

  #open(streamId: number, endOfStream: boolean): void {
    const { limits, parser } = this.#context;
    const { lines, isMalformed, isTooLarge } = this.#decoder;
    this.#requests++;
    this.#lastActivityMs = this.#context.now();
    if (this.#streams.size >= limits.maxConcurrentStreams) this.#reject(streamId, ErrorCode.refusedStream);
    else if (isTooLarge || this.#queuedBytes + this.writer.pendingBytes > MAX_QUEUED_BYTES) {
      this.#reject(streamId, ErrorCode.enhanceYourCalm);
    } else if (isMalformed) {
      this.#noteRefused("malformed-request", "a header has a character that is not allowed");
      this.#reject(streamId, ErrorCode.protocolError);
    } else {
      const request = parser.parse(lines, endOfStream);
      this.#guard.noteRequest(parser.headBytes);
      if (request !== null) this.#serve(streamId, request, endOfStream);
      else this.#refuse(streamId, endOfStream);
    }
    if (this.#requests >= limits.maxRequests) this.drain();
  }

  #serve(streamId: number, request: RequestHead, endOfStream: boolean): void {
    const { parser, onRequest } = this.#context;
    const stream = this.#makeStream(streamId, request, parser.acceptsTrailers, endOfStream);
    this.#touch(stream);
    try {
      stream.start(onRequest(stream));
    } catch (cause) {
      // What the workflow throws is its own defect: it must cost one request, not the worker.
      const error = new ProxyError("internal", "internal", "the request listener threw", "never", cause);
      stream.abort(error);
      this.#context.onRefused(this.connection, error);
    }
  }

  #makeStream(id: number, request: RequestHead, wantsTrailers: boolean, endOfStream: boolean): Http2ServerStream {
    const stream = new Http2ServerStream(this, {
      id,
      request,
      wantsTrailers,
      endOfStream,
      sendWindow: new SendWindow(this.#settings.initialWindowBytes),
      receiveWindow: new ReceiveWindow(this.#streamWindowBytes, this.#context.limits.streamWindowBytes / WINDOW_STEPS),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** RFC 9113 §8.1.1 allows an answer where a request is malformed: it says what a reset cannot. */
  #refuse(streamId: number, endOfStream: boolean): void {
    const { failure, reason, breaksProtocol } = this.#context.parser;
    this.#noteRefused(failure, reason);
    if (breaksProtocol) {
      this.#reject(streamId, ErrorCode.protocolError);
      return;
    }
    const status = statusOfError(failure);
    const body = Buffer.from(`${status} ${statusText(status)}: ${reason}\n`);
    const headers = HeaderList.fromPairs(REFUSAL_HEADERS.concat("date", httpDate()));
    const stream = this.#makeStream(streamId, REFUSED_REQUEST, false, endOfStream);
    stream.sendHead(new ResponseHead(status, "", 20, headers, body.length), false);
    stream.sendBody(body);
    stream.sendEnd(null);
    this.#chargeReset();
  }

  /** Resets a stream that was not opened. */
  #reject(streamId: number, code: number): void {
    this.#guard.noteUnwanted(this.#context.limits.streamWindowBytes);
    this.#streams.noteRefused(streamId);
    this.writer.reset(streamId, code);
    this.#chargeReset();
  }

  #noteRefused(type: ProxyErrorType, reason: string): void {
    this.#context.onRefused(this.connection, new ProxyError(type, "downstream", reason));
  }

  onReset(streamId: number): number {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      return this.#streams.stateOf(streamId) === "idle" ? ErrorCode.protocolError : this.onIdleFrame();
    }
    stream.onReset();
    return ErrorCode.noError;
  }

  onStreamError(streamId: number, code: number): number {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) stream.resetWith(code);
    else if (this.#streams.stateOf(streamId) === "idle") return code;
    return this.onIdleFrame();
  }

  onSettings(bytes: Buffer, start: number, end: number): number {
    if (this.onIdleFrame() !== ErrorCode.noError) return ErrorCode.enhanceYourCalm;
    const before = this.#settings.initialWindowBytes;
    const code = this.#settings.read(bytes, start, end);
    if (code !== ErrorCode.noError) return code;
    this.writer.frames(SETTINGS_ACK);
    const change = this.#settings.initialWindowBytes - before;
    if (change === 0) return ErrorCode.noError;
    for (const stream of this.#streams.list()) {
      if (!stream.sendWindow.grow(change)) return ErrorCode.flowControlError;
      stream.pump();
    }
    this.#pumpWaiting();
    return ErrorCode.noError;
  }

  onSettingsAck(): number {
    if (!this.#isSettingsDue) return this.onIdleFrame();
    this.#isSettingsDue = false;
    const { streamWindowBytes } = this.#context.limits;
    for (const stream of this.#streams.list()) stream.receiveWindow.widen(streamWindowBytes - this.#streamWindowBytes);
    this.#streamWindowBytes = streamWindowBytes;
    return ErrorCode.noError;
  }

  onPing(bytes: Buffer, start: number): number {
    if (this.onIdleFrame() !== ErrorCode.noError) return ErrorCode.enhanceYourCalm;
    this.writer.frames(frameHead(8, FrameType.ping, Flag.ack, 0) + bytes.toString("latin1", start, start + 8));
    return ErrorCode.noError;
  }

  onWindowUpdate(streamId: number, increment: number): number {
    if (streamId === 0) {
      if (increment === 0) return ErrorCode.protocolError;
      if (!this.sendWindow.grow(increment)) return ErrorCode.flowControlError;
      this.#pumpWaiting();
      return ErrorCode.noError;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      return this.#streams.stateOf(streamId) === "idle" ? ErrorCode.protocolError : ErrorCode.noError;
    }
    if (increment === 0) stream.resetWith(ErrorCode.protocolError);
    else if (!stream.sendWindow.grow(increment)) stream.resetWith(ErrorCode.flowControlError);
    else {
      stream.pump();
      // It may have had its turn, not all that it could.
      this.#pumpWaiting();
    }
    return ErrorCode.noError;
  }

  onIdleFrame(): number {
    return this.#guard.allowsFrame(this.#context.now()) ? ErrorCode.noError : ErrorCode.enhanceYourCalm;
  }

  /** Frames for another stream follow, or none: what was given is complete. */
  #touch(stream: Http2ServerStream | null): void {
    const touched = this.#touched;
    if (touched === stream) return;
    this.#touched = stream;
    touched?.completeRead();
  }

  // ---- what streams ask for --------------------------------------------------------------------------------------

  releaseBody(bytes: number): void {
    const increment = this.#receiveWindow.release(bytes);
    if (increment > 0) this.writer.windowUpdate(0, increment);
  }

  noteHeldChunk(): void {
    this.holdsReadBuffer = true;
  }

  waitForRoom(stream: Http2ServerStream): void {
    this.#streams.wait(stream);
  }

  noteQueued(bytes: number): void {
    this.#queuedBytes += bytes;
  }

  noteDataSent(bytes: number): void {
    this.#guard.noteDataSent(bytes);
  }

  noteUnwantedBody(): void {
    this.#guard.noteUnwanted(this.#context.limits.streamWindowBytes);
  }

  onStreamClosed(stream: Http2ServerStream, ending: StreamEnding): void {
    this.#streams.remove(stream, ending.isResetByUs);
    this.#lastActivityMs = this.#context.now();
    if (this.#isDestroyed) return;
    if (ending.outcome === "complete" && stream.request !== REFUSED_REQUEST) this.#guard.noteExchange();
    else if (ending.outcome === "reset") this.#chargeReset();
    if (this.#isDraining && this.#streams.size === 0) this.writer.finish();
  }

  #pumpWaiting(): void {
    this.#streams.pumpWaiting(() => !this.#isDestroyed && !this.writer.isFull && this.sendWindow.available > 0);
  }

  #onDrain(): void {
    this.#pumpWaiting();
    if (!this.#isPaused || this.writer.pendingBytes > MAX_OUTPUT_BYTES) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  // ---- ends ------------------------------------------------------------------------------------------------------

  #chargeReset(): void {
    if (this.#guard.allowsReset(this.#lastActivityMs)) return;
    this.#fail(ErrorCode.enhanceYourCalm, "too many streams came to nothing");
  }

  /** GOAWAY: streams up to the last one seen are finished, later ones are for another connection. Then it closes. */
  drain(): void {
    if (this.#isDraining || this.#isDestroyed) return;
    this.#isDraining = true;
    this.writer.goaway(this.#streams.close());
    if (this.#streams.size === 0) this.writer.finish();
  }

  /** Ends the connection and its streams at once. */
  destroy(): void {
    this.#end(ErrorCode.noError);
  }

  /** The client broke the rules of the connection. */
  #fail(code: number, reason: string): void {
    if (this.#isDestroyed) return;
    this.#noteRefused("malformed-request", reason);
    this.#end(code);
  }

  /** GOAWAY, as far as the client takes it; what it sends is thrown away until it closes or the timer does. */
  #end(code: number): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#reader.stop();
    this.#timer.arm(CHECK_INTERVAL_MS);
    this.writer.goaway(this.#streams.close(), code);
    this.writer.finish();
    if (this.#isPaused) this.#socket.resume();
    this.#closeStreams();
  }

  #closeStreams(): void {
    for (const stream of this.#streams.list()) stream.onReset();
  }

  onTimer(): void {
    if (this.#isDestroyed) {
      this.#socket.destroy();
      return;
    }
    const now = this.#context.now();
    if (this.#guard.controlExcess(this.#bytesRead, now) > 0) {
      this.#fail(ErrorCode.enhanceYourCalm, "too many bytes that serve no request");
    } else if (this.#isHeadLate(now)) {
      this.#noteRefused("request-timeout", "the request's headers did not arrive in time");
      this.#end(ErrorCode.enhanceYourCalm);
    } else this.#checkIdle(now);
  }

  #checkIdle(now: number): void {
    for (const stream of this.#streams.list()) stream.checkLinger();
    if (this.#isDestroyed) return;
    if (this.#streams.size === 0) {
      if (!this.#isDraining && now - this.#lastActivityMs >= this.#context.limits.idleTimeoutMs) this.drain();
      else if (this.#isDraining && ++this.#drainedChecks > MAX_DRAINED_CHECKS) {
        this.#socket.destroy();
        return;
      }
    }
    this.#timer.arm(CHECK_INTERVAL_MS);
  }

  /** The preface, or the same header block, has been incomplete for too long. */
  #isHeadLate(now: number): boolean {
    const isPending = this.#reader.isPrefaceDue || this.#reader.isWithinHead || this.#parser.isWithinBlock;
    if (!isPending) this.#headPendingSinceMs = -1;
    else if (this.#headPendingSinceMs < 0 || this.#headPendingAfter !== this.#headsRead) {
      this.#headPendingSinceMs = now;
      this.#headPendingAfter = this.#headsRead;
    }
    return isPending && now - this.#headPendingSinceMs >= this.#context.limits.headerTimeoutMs;
  }

  /** The client has ended its side: it cannot go on with any stream. */
  #onEnd(): void {
    if (!this.#isDestroyed) this.#end(ErrorCode.noError);
  }

  #onClose(): void {
    this.#isDestroyed = true;
    this.#reader.stop();
    this.#timer.dispose();
    this.#closeStreams();
    this.#context.onClose(this);
  }
}

/** RFC 9113 §8.1: trailers have none. */
function hasPseudoHeader(lines: readonly string[]): boolean {
  for (let i = 0; i < lines.length; i += 2) if ((lines[i] as string).startsWith(":")) return true;
  return false;
}

function ignoreError(): void {
  // `close` follows and is where ends are handled.
}
