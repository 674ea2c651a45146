// A client's HTTP/2 connection (RFC 9113): opens streams for the workflow, carries what they send, bounds what a client may
// ask, and ends by GOAWAY. What its frames say is incoming-frames.ts's business, what to answer the workflow's.
import { type TimerTarget, type TimerWheel, WheelTimer } from "../../lib/timer-wheel.ts";
import { HeaderList } from "../http/header-list.ts";
import { httpDate } from "../http/http-date.ts";
import { RequestHead, ResponseHead } from "../http/messages.ts";
import { statusText } from "../http/status-text.ts";
import type { DownstreamConnection, RequestListener } from "../proxy/downstream.ts";
import { ProxyError, type ProxyErrorType, statusOfError } from "../proxy/proxy-error.ts";
import { type ByteSocket, listenTo, type SocketEvents } from "../transport/byte-socket.ts";
import { FloodGuard } from "./flood-guard.ts";
import { SendWindow } from "./flow-control.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { HpackDecoder } from "./hpack-decoder.ts";
import { type FrameOwner, IncomingFrames, ROUND_TRIP_PING } from "./incoming-frames.ts";
import { DEFAULT_WINDOW_BYTES, ErrorCode, MAX_INT31 } from "./protocol.ts";
import type { Http2RequestParser } from "./request-head.ts";
import type { Http2ServerLimits } from "./server-limits.ts";
import { Http2ServerStream } from "./server-stream.ts";
import type { CarriedStream, StreamEnding, StreamOwner } from "./stream-owner.ts";
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

/** Bytes of responses that wait in all streams; above it new ones are refused. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** Bytes that wait in the socket; above it nothing is read, so that nothing more is to be answered. */
const MAX_OUTPUT_BYTES = 256 * 1024;
const CHECK_INTERVAL_MS = 1_000;
/** Checks that a client has to answer the PING between the two GOAWAYs: a second at least. */
const MAX_ROUND_TRIP_CHECKS = 2;
/** Checks that a drained connection's client has to close its side before the socket is destroyed. */
const MAX_DRAINED_CHECKS = 10;

const Drain = {
  none: 0,
  /** The first GOAWAY is out: the client shall open no more streams, but those that it does are served. */
  announced: 1,
  /** The last GOAWAY is out: later streams are passed. */
  final: 2,
} as const;

const REFUSAL_HEADERS: readonly string[] = ["content-type", "text/plain; charset=utf-8", "cache-control", "no-store"];
/** Where a request was refused there is none to show; but to HEAD no body may be sent. */
const REFUSED_REQUEST = new RequestHead("GET", "/", "", "", 20, HeaderList.empty(), 0, "", false);
const REFUSED_HEAD = new RequestHead("HEAD", "/", "", "", 20, HeaderList.empty(), 0, "", false);

export class Http2ServerConnection implements FrameOwner, StreamOwner, SocketEvents, TimerTarget {
  readonly connection: DownstreamConnection;
  readonly writer: FrameWriter;
  readonly sendWindow: SendWindow = new SendWindow(DEFAULT_WINDOW_BYTES);
  readonly streams: StreamTable = new StreamTable();
  readonly guard: FloodGuard;
  isFirstBlock = true;
  isDestroyed = false;
  holdsReadBuffer = false;
  readonly #socket: ByteSocket;
  readonly #context: Http2ServerContext;
  readonly #incoming: IncomingFrames;
  readonly #timer: WheelTimer;
  #queuedBytes = 0;
  #bytesRead = 0;
  #requests = 0;
  /** On the context's clock: when a stream was last opened or closed. */
  #lastActivityMs: number;
  #isPaused = false;
  #drain: number = Drain.none;
  /** Of the timer since the last change of `#drain`; once final, only those without a stream open. */
  #drainChecks = 0;

  /**
   * @param socket a TLS socket after ALPN `h2`, or a cleartext one whose client speaks HTTP/2 from the first byte. Who
   * makes the connection gives it what the socket reads, from the first byte on, through `onRead`.
   */
  constructor(socket: ByteSocket, connection: DownstreamConnection, context: Http2ServerContext) {
    this.connection = connection;
    this.#socket = socket;
    this.#context = context;
    const now = context.now();
    this.#lastActivityMs = now;
    this.guard = new FloodGuard(now);
    this.writer = new FrameWriter(socket);
    this.#incoming = new IncomingFrames(this, context.limits);
    this.#timer = new WheelTimer(context.wheel, this);
    this.#timer.arm(CHECK_INTERVAL_MS);
    listenTo(socket, this);
  }

  get openStreams(): number {
    return this.streams.size;
  }

  get isIdle(): boolean {
    return this.streams.size === 0;
  }

  // ---- reading ---------------------------------------------------------------------------------------------------

  /** Bytes of one read; they may be overwritten after the call, unless `holdsReadBuffer` says that they wait. */
  onRead(bytes: Buffer): void {
    this.holdsReadBuffer = false;
    if (this.isDestroyed) return;
    this.#bytesRead += bytes.length;
    this.#incoming.read(bytes);
    // A client that asks and does not read would have its answers pile up.
    if (this.#isPaused || this.writer.pendingBytes <= MAX_OUTPUT_BYTES) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  onNewStream(streamId: number, head: HpackDecoder, endOfStream: boolean): void {
    const { limits, parser } = this.#context;
    const { lines, isMalformed, isTooLarge } = head;
    this.#requests++;
    this.#lastActivityMs = this.#context.now();
    if (this.streams.size >= limits.maxConcurrentStreams) this.#reject(streamId, ErrorCode.refusedStream);
    else if (isTooLarge || this.#queuedBytes + this.writer.pendingBytes > MAX_QUEUED_BYTES) {
      this.#reject(streamId, ErrorCode.enhanceYourCalm);
    } else if (isMalformed) {
      this.#noteRefused("malformed-request", "a header has a character that is not allowed");
      this.#reject(streamId, ErrorCode.protocolError);
    } else {
      const request = parser.parse(lines, endOfStream);
      this.guard.noteRequest(parser.headBytes);
      if (request !== null) this.#serve(streamId, request, endOfStream);
      else this.#refuse(streamId, endOfStream);
    }
    if (this.#requests >= limits.maxRequests) this.drain();
  }

  #serve(streamId: number, request: RequestHead, endOfStream: boolean): void {
    const { parser, onRequest } = this.#context;
    const stream = this.#makeStream(streamId, request, parser.acceptsTrailers, endOfStream);
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
      sendWindow: this.#incoming.newSendWindow(),
      receiveWindow: this.#incoming.newReceiveWindow(),
    });
    this.streams.add(stream);
    return stream;
  }

  /** RFC 9113 §8.1.1 allows an answer where a request is malformed: it says what a reset cannot. */
  #refuse(streamId: number, endOfStream: boolean): void {
    const { failure, reason, breaksProtocol, method } = this.#context.parser;
    this.#noteRefused(failure, reason);
    if (breaksProtocol) {
      this.#reject(streamId, ErrorCode.protocolError);
      return;
    }
    const status = statusOfError(failure);
    const body = Buffer.from(`${status} ${statusText(status)}: ${reason}\n`);
    const headers = HeaderList.fromPairs(REFUSAL_HEADERS.concat("date", httpDate()));
    const stream = this.#makeStream(streamId, method === "HEAD" ? REFUSED_HEAD : REFUSED_REQUEST, false, endOfStream);
    stream.sendHead(new ResponseHead(status, "", 20, headers, body.length), false);
    stream.sendBody(body);
    stream.sendEnd(null);
    this.chargeReset();
  }

  /** Resets a stream that was not opened. */
  #reject(streamId: number, code: number): void {
    this.guard.noteUnwanted(this.#context.limits.streamWindowBytes);
    this.streams.noteRefused(streamId);
    this.writer.reset(streamId, code);
    this.chargeReset();
  }

  #noteRefused(type: ProxyErrorType, reason: string): void {
    this.#context.onRefused(this.connection, new ProxyError(type, "downstream", reason));
  }

  // ---- what streams ask for --------------------------------------------------------------------------------------

  releaseBody(bytes: number): void {
    this.#incoming.releaseBody(bytes);
  }

  now(): number {
    return this.#context.now();
  }

  noteHeldChunk(): void {
    this.holdsReadBuffer = true;
  }

  waitForRoom(stream: CarriedStream): void {
    this.streams.wait(stream);
  }

  noteQueued(bytes: number): void {
    this.#queuedBytes += bytes;
  }

  noteDataSent(bytes: number): void {
    this.guard.noteDataSent(bytes);
  }

  noteUnwantedBody(): void {
    this.guard.noteUnwanted(this.#context.limits.streamWindowBytes);
  }

  onStreamClosed(stream: CarriedStream, ending: StreamEnding): void {
    this.streams.remove(stream, ending.isResetByUs);
    this.#lastActivityMs = this.#context.now();
    if (this.isDestroyed) return;
    const wasServed = stream.request !== REFUSED_REQUEST && stream.request !== REFUSED_HEAD;
    if (ending.outcome === "complete" && wasServed) this.guard.noteExchange();
    else if (ending.outcome === "reset") this.chargeReset();
    if (this.#drain === Drain.final && this.streams.size === 0) this.writer.finish();
  }

  pumpWaiting(): void {
    this.streams.pumpWaiting(() => !this.isDestroyed && !this.writer.isFull && this.sendWindow.available > 0);
  }

  onSocketDrain(): void {
    this.pumpWaiting();
    if (!this.#isPaused || this.writer.pendingBytes > MAX_OUTPUT_BYTES) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  // ---- ends ------------------------------------------------------------------------------------------------------

  chargeReset(): void {
    if (this.guard.allowsReset(this.#lastActivityMs)) return;
    this.fail(ErrorCode.enhanceYourCalm, "too many streams came to nothing");
  }

  /**
   * Ends the connection without losing a request (RFC 9113 §6.8): a first GOAWAY says that no more streams are wanted; those
   * that were on their way are served; a round trip later the last one says which stream was the last. When all of them
   * are finished it closes.
   */
  drain(): void {
    if (this.#drain !== Drain.none || this.isDestroyed) return;
    this.#drain = Drain.announced;
    this.writer.goaway(MAX_INT31);
    this.writer.frames(ROUND_TRIP_PING);
  }

  endRoundTrip(): boolean {
    if (this.#drain !== Drain.announced || this.isDestroyed) return false;
    this.#drain = Drain.final;
    this.#drainChecks = 0;
    this.writer.goaway(this.streams.close());
    if (this.streams.size === 0) this.writer.finish();
    return true;
  }

  /** Ends the connection and its streams at once. */
  destroy(): void {
    this.#end(ErrorCode.noError);
  }

  /** The client broke the rules of the connection. */
  fail(code: number, reason: string): void {
    if (this.isDestroyed) return;
    this.#noteRefused("malformed-request", reason);
    this.#end(code);
  }

  /** GOAWAY, as far as the client takes it; what it sends is thrown away until it closes or the timer does. */
  #end(code: number): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.#incoming.stop();
    this.#timer.arm(CHECK_INTERVAL_MS);
    this.writer.goaway(this.streams.close(), code);
    this.writer.finish();
    if (this.#isPaused) this.#socket.resume();
    this.#closeStreams();
  }

  #closeStreams(): void {
    for (const stream of this.streams.list()) stream.onReset();
  }

  onTimer(): void {
    if (this.isDestroyed) {
      this.#socket.destroy();
      return;
    }
    const now = this.#context.now();
    if (this.guard.controlExcess(this.#bytesRead, now) > 0) {
      this.fail(ErrorCode.enhanceYourCalm, "too many bytes that serve no request");
    } else if (this.#incoming.isHeadLate(now)) {
      this.#noteRefused("request-timeout", "the request's headers did not arrive in time");
      this.#end(ErrorCode.enhanceYourCalm);
    } else if (!this.#isPaused && this.#incoming.areSettingsLate(now)) {
      this.#noteRefused("request-timeout", "the client did not acknowledge the settings in time");
      this.#end(ErrorCode.settingsTimeout);
    } else this.#checkIdle(now);
  }

  #checkIdle(now: number): void {
    for (const stream of this.streams.list()) stream.checkLinger();
    if (this.isDestroyed) return;
    const isIdle = this.streams.size === 0;
    if (this.#drain === Drain.announced) {
      if (++this.#drainChecks >= MAX_ROUND_TRIP_CHECKS) this.endRoundTrip();
    } else if (this.#drain === Drain.final) {
      if (isIdle && ++this.#drainChecks > MAX_DRAINED_CHECKS) {
        this.#socket.destroy();
        return;
      }
    } else if (isIdle && now - this.#lastActivityMs >= this.#context.limits.idleTimeoutMs) this.drain();
    this.#timer.arm(CHECK_INTERVAL_MS);
  }

  /** The client has ended its side: it cannot go on with any stream. */
  onSocketError(): void {
    // `close` follows.
  }

  onSocketEnd(): void {
    if (!this.isDestroyed) this.#end(ErrorCode.noError);
  }

  onSocketClose(): void {
    this.isDestroyed = true;
    this.#incoming.stop();
    this.#timer.dispose();
    this.#closeStreams();
    this.#context.onClose(this);
  }
}
