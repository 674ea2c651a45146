// A client's HTTP/2 connection on node:http2, without its compatibility layer: opens streams for the workflow, bounds
// what a client may ask of it, and ends it by GOAWAY. What to answer is the workflow's business.
import type { Socket } from "node:net";
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type TimerTarget, type TimerWheel, WheelTimer } from "../../lib/timer-wheel.ts";
import { statusText } from "../http/status-text.ts";
import type { DownstreamConnection, RequestListener } from "../proxy/downstream.ts";
import { ProxyError, statusOfError } from "../proxy/proxy-error.ts";
import { FloodGuard } from "./flood-guard.ts";
import type { Http2HeadLimits, Http2RequestParser } from "./request-head.ts";
import { Http2ServerStream, type StreamOutcome, type StreamOwner } from "./server-stream.ts";

export interface Http2ServerLimits extends Http2HeadLimits {
  /** Streams that a client may have open. */
  readonly maxConcurrentStreams: number;
  /**
   * Bytes of a request's body that a client may send ahead of their use. Each stalled stream holds at most this and a
   * buffer of node's of 64 KiB. The connection's own window bounds nothing: node refills it as bytes arrive, read or not.
   */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Without a stream open. */
  readonly idleTimeoutMs: number;
  /** Requests after which the connection is drained. */
  readonly maxRequests: number;
}

/** Limits where nobody says otherwise. */
export const DEFAULT_HTTP2_SERVER_LIMITS: Http2ServerLimits = {
  maxHeaderCount: 100,
  maxHeaderBytes: 32 * 1024,
  maxRequestLineBytes: 8 * 1024,
  maxConcurrentStreams: 128,
  streamWindowBytes: 128 * 1024,
  connectionWindowBytes: 1024 * 1024,
  idleTimeoutMs: 75_000,
  maxRequests: 10_000,
};

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

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR, NGHTTP2_FLAG_END_STREAM } = constants;

/** Header lines that nghttp2 collects before it resets a stream, above what the parser answers with 431. */
const EXTRA_HEADER_LINES = 156;
/** Frames that nghttp2 finds invalid, empty DATA and malformed requests among them, in a connection's life. */
const MAX_INVALID_FRAMES = 500;
/** Streams beyond what memory allows, one after the other. */
const MAX_REJECTED_STREAMS = 100;
/** RST_STREAM frames, as nghttp2 counts them; FloodGuard is stricter and fairer. */
const NATIVE_RESET_BURST = 1000;
const NATIVE_RESETS_PER_SECOND = 200;
/** Megabytes of what waits to be sent; new streams are refused above it. 128 streams of two buffers each fit. */
const MAX_SESSION_MEGABYTES = 18;
/** Header block of a response; above what upstreams may send. */
const MAX_SENT_HEADER_BYTES = 256 * 1024;
const CHECK_INTERVAL_MS = 1_000;
/** Checks that a drained connection's client has to close its side before the socket is destroyed. */
const MAX_DRAINED_CHECKS = 10;

const connectionOf = Symbol("connection");

interface OwnedSession extends ServerHttp2Session {
  [connectionOf]: Http2ServerConnection;
}

export class Http2ServerConnection implements StreamOwner, TimerTarget {
  readonly connection: DownstreamConnection;
  readonly #socket: Socket;
  readonly #context: Http2ServerContext;
  readonly #session: OwnedSession;
  readonly #timer: WheelTimer;
  readonly #guard: FloodGuard;
  #openStreams = 0;
  #firstStream: Http2ServerStream | null = null;
  #requests = 0;
  /** On the context's clock: when a stream was last opened or closed. */
  #lastActivityMs: number;
  #isStarted = false;
  #isDraining = false;
  #isDestroyed = false;
  #drainedChecks = 0;

  /**
   * @param socket a TLS socket after ALPN `h2`, or a cleartext one whose client speaks HTTP/2 from the first byte. Bytes
   * that were read from it to find that out must have been given back with `socket.unshift`.
   */
  constructor(socket: Socket, connection: DownstreamConnection, context: Http2ServerContext) {
    this.connection = connection;
    this.#socket = socket;
    this.#context = context;
    const now = context.now();
    this.#lastActivityMs = now;
    this.#guard = new FloodGuard(now);
    this.#timer = new WheelTimer(context.wheel, this);
    this.#timer.arm(CHECK_INTERVAL_MS);
    const session = performServerHandshake(socket, sessionOptions(context.limits)) as OwnedSession;
    this.#session = session;
    session[connectionOf] = this;
    session.setLocalWindowSize(context.limits.connectionWindowBytes);
    session.on("stream", onStream);
    session.on("error", ignoreError);
    socket.on("error", ignoreError);
    socket.on("close", () => {
      this.#onClose();
    });
    // Node feeds the session with what the socket had buffered in a tick queued before this one, and throws where
    // nothing can catch it if the session is gone by then.
    process.nextTick(onStarted, this);
  }

  get openStreams(): number {
    return this.#openStreams;
  }

  get isIdle(): boolean {
    return this.#openStreams === 0;
  }

  /** GOAWAY: streams up to the last one seen are finished, later ones are for another connection. Then it closes. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    if (this.#isStarted) this.#session.close();
  }

  /** Ends the connection and its streams at once. */
  destroy(): void {
    this.#destroyWith(NGHTTP2_NO_ERROR);
  }

  #destroyWith(code: number): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    // A client that reads nothing would hold the last frames, and with them the socket: the timer cuts it.
    this.#timer.arm(CHECK_INTERVAL_MS);
    if (!this.#isStarted) this.#socket.destroy();
    else if (!this.#session.destroyed) this.#session.destroy(new Error("the connection is ended by this side"), code);
  }

  onStarted(): void {
    this.#isStarted = true;
    if (this.#isDraining && !this.#session.destroyed) this.#session.close();
  }

  onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    const { parser, limits, onRequest } = this.#context;
    const request = parser.parse(raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0);
    this.#requests++;
    this.#lastActivityMs = this.#context.now();
    this.#guard.noteRequest(parser.headBytes);
    if (request === null) {
      this.#refuse(stream, new ProxyError(parser.failure, "downstream", parser.reason));
      return;
    }
    const own = new Http2ServerStream(this, stream, request, parser.acceptsTrailers);
    this.#link(own);
    if (this.#requests >= limits.maxRequests) this.drain();
    try {
      own.start(onRequest(own));
    } catch (cause) {
      // What the workflow throws is its own defect: it must cost one request, not the worker.
      const error = new ProxyError("internal", "internal", "the request listener threw", "never", cause);
      own.abort(error);
      this.#context.onRefused(this.connection, error);
    }
  }

  #link(stream: Http2ServerStream): void {
    this.#openStreams++;
    stream.next = this.#firstStream;
    if (this.#firstStream !== null) this.#firstStream.previous = stream;
    this.#firstStream = stream;
  }

  onStreamClosed(stream: Http2ServerStream, outcome: StreamOutcome): void {
    const { previous, next } = stream;
    if (previous === null) this.#firstStream = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    stream.previous = null;
    stream.next = null;
    this.#openStreams--;
    this.#lastActivityMs = this.#context.now();
    if (outcome === "complete") this.#guard.noteExchange();
    else if (outcome === "reset") this.#chargeReset();
  }

  #chargeReset(): void {
    if (!this.#guard.allowsReset(this.#lastActivityMs)) this.#calm("too many streams came to nothing");
  }

  #calm(reason: string): void {
    if (this.#isDestroyed) return;
    this.#context.onRefused(this.connection, new ProxyError("malformed-request", "downstream", reason));
    this.#destroyWith(NGHTTP2_ENHANCE_YOUR_CALM);
  }

  noteDataReceived(bytes: number): void {
    this.#guard.noteDataReceived(bytes);
  }

  noteDataSent(bytes: number): void {
    this.#guard.noteDataSent(bytes);
  }

  noteUnwantedBody(): void {
    this.#guard.noteUnwanted(this.#context.limits.streamWindowBytes);
  }

  /** RFC 9113 §8.1.1 allows an answer where a request is malformed: it says what a reset cannot. */
  #refuse(stream: ServerHttp2Stream, error: ProxyError): void {
    this.#context.onRefused(this.connection, error);
    this.#guard.noteUnwanted(this.#context.limits.streamWindowBytes);
    stream.on("error", ignoreError);
    if (!stream.destroyed && !stream.closed) {
      const status = statusOfError(error.type);
      const body = `${status} ${statusText(status)}: ${error.message}\n`;
      stream.respond([
        ":status",
        String(status),
        "content-type",
        "text/plain; charset=utf-8",
        "content-length",
        String(body.length),
        "cache-control",
        "no-store",
      ]);
      // Nobody reads the request's body: node resets the stream without an error once the answer is sent.
      stream.end(body);
    }
    this.#chargeReset();
  }

  onTimer(): void {
    if (this.#isDestroyed) {
      this.#socket.destroy();
      return;
    }
    const now = this.#context.now();
    const excess = this.#guard.controlExcess(this.#socket.bytesRead, now);
    if (excess > 0 && excess > this.#bufferedBytes()) {
      this.#calm("too many bytes that serve no request");
      return;
    }
    for (let stream = this.#firstStream; stream !== null; stream = stream.next) stream.checkLinger();
    if (this.#openStreams === 0) {
      if (!this.#isDraining && now - this.#lastActivityMs >= this.#context.limits.idleTimeoutMs) this.drain();
      else if (this.#isDraining && ++this.#drainedChecks > MAX_DRAINED_CHECKS) {
        this.#socket.destroy();
        return;
      }
    }
    this.#timer.arm(CHECK_INTERVAL_MS);
  }

  /** Of request bodies that wait for the workflow. */
  #bufferedBytes(): number {
    let bytes = 0;
    for (let stream = this.#firstStream; stream !== null; stream = stream.next) bytes += stream.bufferedBytes;
    return bytes;
  }

  #onClose(): void {
    this.#isDestroyed = true;
    this.#timer.dispose();
    this.#context.onClose(this);
  }
}

function sessionOptions(limits: Http2ServerLimits): Parameters<typeof performServerHandshake>[1] {
  return {
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    maxHeaderListPairs: limits.maxHeaderCount + EXTRA_HEADER_LINES,
    maxSendHeaderBlockLength: MAX_SENT_HEADER_BYTES,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
    streamResetBurst: NATIVE_RESET_BURST,
    streamResetRate: NATIVE_RESETS_PER_SECOND,
    // An upstream that repeats a header is passed on as it is, as over HTTP/1.
    strictSingleValueFields: false,
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      initialWindowSize: limits.streamWindowBytes,
      // Twice the limit: up to here the parser answers 431, beyond it nghttp2 resets the stream.
      maxHeaderListSize: limits.maxHeaderBytes * 2,
      enableConnectProtocol: true,
    },
  };
}

function onStarted(connection: Http2ServerConnection): void {
  connection.onStarted();
}

// oxlint-disable-next-line max-params -- node's event has four, and `this` is counted too
function onStream(
  this: OwnedSession,
  stream: ServerHttp2Stream,
  _headers: unknown,
  flags: number,
  raw: readonly string[],
): void {
  this[connectionOf].onStream(stream, flags, raw);
}

function ignoreError(): void {
  // `close` follows and is where ends are handled.
}
