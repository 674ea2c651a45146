// A client's HTTP/1 connection: reads requests one after the other, writes their responses in order. It owns framing,
// keep-alive and the deadlines between requests; what to answer is the workflow's business.
import type { HeaderList } from "../http/header-list.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";
import type { RequestHead, ResponseHead } from "../http/messages.ts";
import { statusText } from "../http/status-text.ts";
import { type TimerTarget, type TimerWheel, WheelTimer } from "../../lib/timer-wheel.ts";
import type {
  DownstreamConnection,
  DownstreamHandler,
  DownstreamStream,
  RequestListener,
} from "../proxy/downstream.ts";
import { ProxyError, type ProxyErrorType, statusOfError } from "../proxy/proxy-error.ts";
import { LF } from "./char-class.ts";
import { type BodySink, BodyDecoder } from "./framing.ts";
import { appendFields } from "./head-writer.ts";
import type { HeadLimits, RequestParser } from "./request-parser.ts";
import { type ByteSocket, listenTo, type SocketEvents } from "../transport/byte-socket.ts";
import type { ReadTarget } from "../transport/socket-reader.ts";
import { SocketWriter } from "./socket-writer.ts";

export interface Http1ServerLimits extends HeadLimits {
  /** From the first byte of a head (or from accepting) to its last. */
  readonly headerTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxKeepAliveRequests: number;
}

/** What all connections of a listener share. */
export interface Http1ServerContext {
  readonly limits: Http1ServerLimits;
  readonly parser: RequestParser;
  readonly wheel: TimerWheel;
  readonly onRequest: RequestListener;
  /** A request that was refused before the workflow saw it. */
  onRefused(connection: DownstreamConnection, error: ProxyError): void;
  onClose(connection: Http1ServerConnection): void;
  isDraining: boolean;
}

const State = {
  /** Waiting for, or within, a request's head. */
  head: 0,
  /** The request's body is coming in. */
  body: 1,
  /** The request is complete, its response is not. */
  response: 2,
  /** The response is complete, the rest of the request's body is read and thrown away. */
  discard: 3,
  tunnel: 4,
  /** Nothing is read any more: waiting for the client to take the rest and close. */
  closing: 5,
  closed: 6,
} as const;

/** How much of an unread body is thrown away to save a connection; beyond it the connection is closed. */
const MAX_DISCARD_BYTES = 256 * 1024;
const DISCARD_TIMEOUT_MS = 5_000;
/** How long an idle connection may bring one more request after a drain began. */
export const DRAIN_IDLE_MS = 1_000;
/** How long a client may take to close after our FIN. */
const LINGER_TIMEOUT_MS = 5_000;
/** Looks, a linger timeout apart, at a client that takes nothing of its complete response before it is given up. */
const MAX_LINGER_STALLS = 12;
const CONNECTION = headerBit(KnownHeader.connection);
const FRAMING = headerBit(KnownHeader.contentLength) | headerBit(KnownHeader.transferEncoding);

export class Http1ServerConnection implements DownstreamStream, BodySink, ReadTarget, SocketEvents, TimerTarget {
  holdsReadBuffer = false;
  readonly connection: DownstreamConnection;
  request!: RequestHead;
  readonly #socket: ByteSocket;
  readonly #context: Http1ServerContext;
  readonly #decoder = new BodyDecoder();
  readonly #writer: SocketWriter;
  readonly #timer: WheelTimer;
  #state: number = State.head;
  #handler: DownstreamHandler | null = null;
  /** Bytes that were read and not yet understood or wanted. */
  #held: Buffer | null = null;
  #lastHost = "";
  #requests = 0;
  #discarded = 0;
  #lingerStalls = 0;
  #lingerPending = 0;
  #isHeadStarted = false;
  #isProcessing = false;
  #isRequestPaused = false;
  #isReadPaused = false;
  /** The client ended while its request was paused. */
  #isEndDue = false;
  #isHeadSent = false;
  #isChunked = false;
  #isBodyless = false;
  #isResponseDone = false;
  #keepAlive = false;
  #wantsClose = false;
  #hasClientEnded = false;
  #wantsTrailers = false;

  constructor(socket: ByteSocket, connection: DownstreamConnection, context: Http1ServerContext) {
    this.connection = connection;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    this.#context = context;
    this.#timer = new WheelTimer(context.wheel, this);
    this.#timer.arm(context.limits.headerTimeoutMs);
    listenTo(socket, this);
  }

  // ---- reading -------------------------------------------------------------------------------------------------

  /** Bytes of one read; they may be overwritten after the call, unless `holdsReadBuffer` says that they wait to be written. */
  onRead(chunk: Buffer): void {
    const handler = this.#handler;
    if (this.#held === null) this.#process(chunk);
    else this.#join(this.#held, chunk);
    this.#resumeReading();
    // One read may bring the end of one request and the body of the next.
    const current = this.#handler;
    this.holdsReadBuffer =
      (handler !== null && handler.holdsRequestChunks) ||
      (current !== null && current !== handler && current.holdsRequestChunks);
  }

  #join(held: Buffer, chunk: Buffer): void {
    const joined = Buffer.concat([held, chunk]);
    this.#held = null;
    // A head can only be complete, or wrong in a new way, where a line ended or a limit was passed: heads that drip in
    // byte by byte are not parsed again for each byte.
    const { maxRequestLineBytes, maxHeaderBytes } = this.#context.limits;
    if (
      this.#state === State.head &&
      !chunk.includes(LF) &&
      joined.length <= maxHeaderBytes &&
      !(held.length <= maxRequestLineBytes && joined.length > maxRequestLineBytes)
    ) {
      this.#held = joined;
      return;
    }
    this.#process(joined);
  }

  #process(bytes: Buffer): void {
    this.#isProcessing = true;
    const { length } = bytes;
    let pos = 0;
    while (pos < length) {
      if (this.#state === State.head) {
        // A client that asks and does not read would have its answers pile up here.
        if (this.#isOutputFull()) {
          this.#hold(bytes, pos);
          break;
        }
        pos = this.#readHead(bytes, pos);
        if (pos < 0) break;
      } else if (this.#state === State.body) {
        if (this.#isRequestPaused) {
          this.#hold(bytes, pos);
          break;
        }
        pos = this.#readBody(bytes, pos);
      } else if (this.#state === State.discard) pos = this.#discard(bytes, pos);
      else if (this.#state === State.tunnel) {
        if (this.#isRequestPaused) this.#hold(bytes, pos);
        else this.#handler?.onRequestBody(pos === 0 ? bytes : bytes.subarray(pos));
        break;
      } else if (this.#state === State.response) {
        this.#hold(bytes, pos);
        break;
      } else break;
    }
    this.#isProcessing = false;
    this.#handler?.onDownstreamReadComplete();
  }

  /** The position after the head, or -1: nothing more to do with these bytes. */
  #readHead(bytes: Buffer, position: number): number {
    const { parser, limits } = this.#context;
    const request = parser.parse(bytes, position, bytes.length);
    if (request === null) {
      if (parser.failure !== null) this.#refuse(parser.failure, parser.reason);
      else {
        // The deadline is absolute: it runs from the head's first byte, or from accepting for a connection's first.
        if (!this.#isHeadStarted && this.#requests > 0) this.#timer.arm(limits.headerTimeoutMs);
        this.#isHeadStarted = true;
        this.#held = Buffer.from(bytes.subarray(position));
      }
      return -1;
    }
    const { options, headEnd } = parser;
    this.request = request;
    // The string of the request before has its hash already, which the route lookup would compute again.
    if (request.host === this.#lastHost) request.host = this.#lastHost;
    else this.#lastHost = request.host;
    this.#requests++;
    this.#isHeadStarted = false;
    this.#timer.disarm();
    // A client that asks for the end sends nothing after this request: the connection can be closed without lingering.
    this.#wantsClose = options.hasClose;
    this.#keepAlive =
      !options.hasClose &&
      (request.version === 11 || options.hasKeepAlive) &&
      this.#requests < limits.maxKeepAliveRequests &&
      !this.#context.isDraining;
    this.#isHeadSent = false;
    this.#isChunked = false;
    this.#isResponseDone = false;
    this.#isRequestPaused = true;
    this.#discarded = 0;
    if (request.contentLength === 0) this.#state = State.response;
    else {
      this.#state = State.body;
      if (request.contentLength > 0) this.#decoder.startLength(request.contentLength);
      else this.#decoder.startChunked();
    }
    if (options.nominated !== null) for (const name of options.nominated) request.headers.remove(name);
    this.#wantsTrailers = request.version === 11 && acceptsTrailers(request.headers);
    const handler = this.#context.onRequest(this);
    // The workflow may have answered, even closed, within the call.
    if (!this.#isResponseDone && this.#state !== State.closed) this.#handler = handler;
    return headEnd;
  }

  #readBody(bytes: Buffer, position: number): number {
    const next = this.#decoder.decode(bytes, position, bytes.length, this);
    if (this.#decoder.hasFailed) {
      this.#failRequest(new ProxyError("malformed-request", "downstream", "the request body's chunks are malformed"));
      return next;
    }
    if (this.#decoder.isDone && this.#state === State.body) {
      this.#state = State.response;
      this.#handler?.onRequestEnd(this.#decoder.trailers);
    }
    return next;
  }

  onBody(chunk: Buffer): void {
    if (this.#state === State.body) this.#handler?.onRequestBody(chunk);
    else this.#discarded += chunk.length;
  }

  #discard(bytes: Buffer, position: number): number {
    const next = this.#decoder.decode(bytes, position, bytes.length, this);
    if (this.#decoder.hasFailed || this.#discarded > MAX_DISCARD_BYTES) {
      this.#closeGracefully();
      return bytes.length;
    }
    if (this.#decoder.isDone) this.#nextRequest();
    return next;
  }

  #hold(bytes: Buffer, position: number): void {
    this.#held = Buffer.from(bytes.subarray(position));
    if (!this.#isReadPaused) {
      this.#isReadPaused = true;
      this.#socket.pause();
    }
  }

  /** Goes on with what was held; only from outside of `#process`, whose loop does the same. */
  #continueReading(): void {
    if (this.#isProcessing) return;
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      this.#process(held);
    }
    this.#resumeReading();
    if (!this.#isEndDue || this.#isReadPaused) return;
    this.#isEndDue = false;
    this.onSocketEnd();
  }

  #resumeReading(): void {
    if (!this.#isReadPaused || !this.#wantsToRead()) return;
    this.#isReadPaused = false;
    this.#socket.resume();
  }

  #isOutputFull(): boolean {
    return this.#socket.writableLength >= this.#socket.writableHighWaterMark;
  }

  #wantsToRead(): boolean {
    if (this.#state === State.head) return !this.#isOutputFull();
    if (this.#state === State.body || this.#state === State.tunnel) return !this.#isRequestPaused;
    return this.#state !== State.response || this.#held === null;
  }

  pauseRequest(): void {
    this.#isRequestPaused = true;
    if (!this.#isReadPaused && (this.#state === State.body || this.#state === State.tunnel)) {
      this.#isReadPaused = true;
      this.#socket.pause();
    }
  }

  resumeRequest(): void {
    if (!this.#isRequestPaused) return;
    this.#isRequestPaused = false;
    if (this.#state === State.body || this.#state === State.tunnel) this.#continueReading();
  }

  // ---- writing -------------------------------------------------------------------------------------------------

  sendInformational(status: number, headers: HeaderList): void {
    if (this.request.version === 10 || this.#isHeadSent) return;
    this.#write(`${appendFields(`HTTP/1.1 ${status} ${statusText(status)}\r\n`, headers, FRAMING)}\r\n`);
  }

  sendHead(response: ResponseHead, _endOfStream: boolean): void {
    const { status, contentLength } = response;
    const { request } = this;
    this.#isHeadSent = true;
    let out = appendFields(
      `HTTP/1.1 ${status} ${response.reason === "" ? statusText(status) : response.reason}\r\n`,
      response.headers,
      FRAMING | CONNECTION,
    );
    if (status === 101) {
      this.#writer.begin(`${out}Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n\r\n`, false);
      this.#isBodyless = false;
      return;
    }
    this.#isBodyless = request.method === "HEAD" || status === 204 || status === 304;
    if (this.#isBodyless) {
      if (response.declaredLength >= 0 && status !== 204) out += `Content-Length: ${response.declaredLength}\r\n`;
    } else if (contentLength >= 0) out += `Content-Length: ${contentLength}\r\n`;
    else if (request.version === 11) {
      this.#isChunked = true;
      out += "Transfer-Encoding: chunked\r\n";
    } else this.#keepAlive = false;
    // A phase that puts Connection into a response can only mean its end.
    if (this.#keepAlive && ((response.headers.seen & CONNECTION) !== 0 || !this.#maySaveConnection())) {
      this.#keepAlive = false;
    }
    if (!this.#keepAlive) out += "Connection: close\r\n";
    else if (request.version === 10) out += "Connection: keep-alive\r\n";
    this.#writer.begin(`${out}\r\n`, this.#isChunked);
  }

  /** Whether the connection can serve another request although this one's body was not read to its end. */
  #maySaveConnection(): boolean {
    if (this.#context.isDraining || this.#hasClientEnded) return false;
    if (this.#state !== State.body) return true;
    // A client that waits for 100 may send its body or not: what follows cannot be told apart.
    if (this.request.expectsContinue) return false;
    const { remaining } = this.#decoder;
    return remaining >= 0 && remaining <= MAX_DISCARD_BYTES;
  }

  sendBody(chunk: Buffer): boolean {
    return this.#isBodyless || this.#state === State.closed || this.#writer.body(chunk);
  }

  get holdsChunks(): boolean {
    return this.#writer.holdsChunks;
  }

  sendEnd(trailers: HeaderList | null): void {
    if (this.#state !== State.closed) {
      this.#writer.end(trailers !== null && this.#wantsTrailers ? appendFields("", trailers, ~1) : "");
    }
    this.#handler = null;
    this.#isResponseDone = true;
    if (this.#state === State.closed) return;
    if (this.#state === State.tunnel) {
      this.#closeGracefully();
      return;
    }
    const isRequestDone = this.#state === State.response;
    if (isRequestDone && this.#wantsClose && this.#held === null && !this.#writer.isPending) this.#socket.destroy();
    else if (!this.#keepAlive || this.#hasClientEnded) this.#closeGracefully();
    else if (isRequestDone) this.#nextRequest();
    else if (this.#maySaveConnection()) {
      this.#state = State.discard;
      this.#timer.arm(DISCARD_TIMEOUT_MS);
    } else this.#closeGracefully();
    this.#continueReading();
  }

  flush(): void {
    if (this.#state !== State.closed) this.#writer.flush();
  }

  #write(text: string): void {
    if (this.#state !== State.closed) this.#writer.write(text);
  }

  abort(_error: ProxyError): void {
    this.#handler = null;
    this.#isResponseDone = true;
    if (this.#state === State.closed) return;
    // Without a length or chunks a FIN would make the broken body look complete.
    const mustReset = this.#isHeadSent && !this.#isChunked && !this.#isBodyless && this.request.version === 10;
    this.#state = State.closed;
    if (mustReset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  startTunnel(): void {
    this.flush();
    this.#state = State.tunnel;
    this.#keepAlive = false;
    this.#continueReading();
  }

  // ---- ends ----------------------------------------------------------------------------------------------------

  #nextRequest(): void {
    this.#state = State.head;
    this.#isRequestPaused = false;
    this.#timer.arm(this.#context.limits.keepAliveTimeoutMs);
  }

  /** Refuses what is no valid request, before the workflow sees it. */
  #refuse(type: ProxyErrorType, reason: string): void {
    const status = statusOfError(type);
    const text = `${status} ${statusText(status)}: ${reason}\n`;
    this.#context.onRefused(this.connection, new ProxyError(type, "downstream", reason));
    this.#write(
      `HTTP/1.1 ${status} ${statusText(status)}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Content-Length: ${text.length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${text}`,
    );
    this.#closeGracefully();
  }

  /** The request turned out wrong after its head: the workflow answers, or breaks off. */
  #failRequest(error: ProxyError): void {
    this.#keepAlive = false;
    const handler = this.#handler;
    this.#state = State.closing;
    handler?.onRequestFailed(error);
    if (this.#state === State.closing && this.#isResponseDone) this.#closeGracefully();
  }

  /** FIN after what is still to be written; the client's bytes are read and dropped until it closes (RFC 9112 §9.6). */
  #closeGracefully(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closing;
    this.#held = null;
    this.#socket.end();
    this.#socket.resume();
    this.#isReadPaused = false;
    this.#timer.arm(LINGER_TIMEOUT_MS);
  }

  /** The next response is the last; an idle connection closes soon. */
  drain(): void {
    this.#keepAlive = false;
    // Not at once: a request may be on its way, and is told to be the last.
    if (this.#state === State.head && this.#held === null) this.#timer.arm(DRAIN_IDLE_MS);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  onTimer(): void {
    if (this.#state === State.head) {
      if (this.#isOutputFull()) this.#socket.destroy();
      else if (this.#held === null) this.#closeGracefully();
      else this.#refuse("request-timeout", "the request's headers did not arrive in time");
    } else if (this.#state === State.discard) this.#closeGracefully();
    else if (this.#state === State.closing) this.#linger();
  }

  #linger(): void {
    const pending = this.#socket.writableLength;
    if (pending > 0 && this.#lingerStalls < MAX_LINGER_STALLS) {
      this.#lingerStalls = pending === this.#lingerPending ? this.#lingerStalls + 1 : 0;
      this.#lingerPending = pending;
      this.#timer.arm(LINGER_TIMEOUT_MS);
    } else this.#socket.destroy();
  }

  onSocketDrain(): void {
    if (this.#state === State.head) this.#continueReading();
    else this.#handler?.onDownstreamDrain();
  }

  onSocketError(): void {
    // `close` follows and is where ends are handled.
  }

  onSocketEnd(): void {
    // What was read before the end is still to be taken.
    if (this.#isReadPaused && (this.#state === State.body || this.#state === State.tunnel)) {
      this.#isEndDue = true;
      return;
    }
    this.#hasClientEnded = true;
    switch (this.#state) {
      case State.head:
      case State.discard:
        this.#closeGracefully();
        return;
      case State.body:
        this.#breakOff();
        return;
      case State.tunnel:
        this.#handler?.onRequestEnd(null);
        return;
      default:
        // A client that sent its request and closed its half still wants the answer.
        this.#keepAlive = false;
    }
  }

  #breakOff(): void {
    const handler = this.#handler;
    this.#handler = null;
    this.#socket.destroy();
    handler?.onDownstreamClose(new ProxyError("client-closed", "downstream", "the client closed the connection"));
  }

  onSocketClose(): void {
    this.#state = State.closed;
    this.#timer.dispose();
    this.#held = null;
    const handler = this.#handler;
    this.#handler = null;
    this.#context.onClose(this);
    handler?.onDownstreamClose(new ProxyError("client-closed", "downstream", "the client closed the connection"));
  }
}

function acceptsTrailers(headers: HeaderList): boolean {
  const te = headers.get("te");
  return (
    te !== null &&
    te
      .toLowerCase()
      .split(",")
      .some((coding) => coding.trim() === "trailers")
  );
}
