// A connection to an upstream that speaks HTTP/1: serves one request at a time and goes back to the pool in between.
// Pausing belongs to the request: a connection in the pool always reads, which is also how its end is noticed.
import { type TimerTarget, type TimerWheel, WheelTimer } from "../../lib/timer-wheel.ts";
import type { HeaderList } from "../http/header-list.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";
import { type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from "../http/messages.ts";
import { ProxyError } from "../proxy/proxy-error.ts";
import type { UpstreamHandler, UpstreamStream } from "../proxy/upstream-stream.ts";
import { connectError, withdrawnError } from "../upstream/connect-error.ts";
import type { ConnectingAttempt } from "../upstream/connecting-attempts.ts";
import type { Peer } from "../upstream/peer.ts";
import { type ByteSocket, listenTo, type SocketEvents } from "../transport/byte-socket.ts";
import type { ReadTarget } from "../transport/socket-reader.ts";
import { SocketWriter } from "./socket-writer.ts";
import { LF } from "./char-class.ts";
import { type BodySink, BodyDecoder } from "./framing.ts";
import { appendFields } from "./head-writer.ts";
import { MAX_HEAD_BYTES, ResponseParser } from "./response-parser.ts";
import { checkUpgrade } from "./upgrade.ts";

/** Where connections come from and go back to. */
export interface ConnectionOwner {
  /** The connection is not connecting any more. */
  settle(connection: Http1ClientConnection): void;
  /** The connection is free and healthy. `idleLimitMs` is what the upstream said of its own patience; 0: nothing. */
  release(connection: Http1ClientConnection, idleLimitMs: number): void;
  /** The connection is gone; it may have been idle. */
  forget(connection: Http1ClientConnection): void;
}

const State = {
  connecting: 0,
  idle: 1,
  head: 2,
  body: 3,
  tunnel: 4,
  closed: 5,
} as const;

const MAX_INFORMATIONAL = 16;
const FRAMING = headerBit(KnownHeader.contentLength) | headerBit(KnownHeader.transferEncoding);
const HEAD_ONLY_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"]);
const parser = new ResponseParser();

export class Http1ClientConnection
  implements UpstreamStream, ConnectingAttempt, BodySink, ReadTarget, SocketEvents, TimerTarget
{
  readonly peer: Peer;
  holdsReadBuffer = false;
  readonly #socket: ByteSocket;
  readonly #owner: ConnectionOwner;
  readonly #decoder = new BodyDecoder();
  readonly #writer: SocketWriter;
  readonly #timer: WheelTimer;
  #state: number = State.connecting;
  #handler: UpstreamHandler | null;
  #request: RequestHead | null = null;
  #websocketKey: string | null = null;
  #held: Buffer | null = null;
  #requests = 0;
  #informational = 0;
  #isRequestSent = false;
  #isAnswered = false;
  #isPaused = false;
  /** The upstream ended while its response was paused. */
  #isEndDue = false;
  #isReusable = false;
  #idleLimitMs = 0;
  /** What is left of the time to connect once the timer fires. */
  #connectLeftMs = 0;
  /** Place in the pool's list while idle. */
  idleIndex = -1;

  /** @param socket still connecting; the connector calls `awaitConnection`, and `connected` when it is there. */
  // oxlint-disable-next-line max-params -- made by the connector alone
  constructor(socket: ByteSocket, peer: Peer, owner: ConnectionOwner, wheel: TimerWheel, handler: UpstreamHandler) {
    this.peer = peer;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    this.#owner = owner;
    this.#handler = handler;
    this.#timer = new WheelTimer(wheel, this);
    listenTo(socket, this);
  }

  get isConnected(): boolean {
    return this.#state !== State.connecting;
  }

  get isReused(): boolean {
    return this.#requests > 1;
  }

  // ---- connecting and lending ------------------------------------------------------------------------------------

  /** Starts the time that there is to connect; after `slowMs` of it the handler learns that the attempt is slow. */
  awaitConnection(slowMs: number, timeoutMs: number): void {
    const firstMs = Math.min(slowMs, timeoutMs);
    this.#connectLeftMs = timeoutMs - firstMs;
    this.#timer.arm(firstMs);
  }

  connected(): void {
    if (this.#state !== State.connecting) return;
    this.#timer.disarm();
    this.#owner.settle(this);
    this.#state = State.idle;
    const handler = this.#handler;
    this.#lend();
    handler?.onConnected(this);
  }

  withdraw(): void {
    if (this.#state === State.connecting) this.#connectFailed(withdrawnError(this.peer));
  }

  #onConnectTimer(): void {
    const leftMs = this.#connectLeftMs;
    if (leftMs === 0) {
      this.#connectFailed(connectError(this.peer, null));
      return;
    }
    this.#connectLeftMs = 0;
    this.#timer.arm(leftMs);
    this.#handler?.onSlowConnect(this);
  }

  #connectFailed(error: ProxyError): void {
    const handler = this.#handler;
    this.#kill();
    handler?.onUpstreamError(error, this);
  }

  /** Takes an idle connection for the next request. */
  lend(handler: UpstreamHandler): void {
    this.#handler = handler;
    this.#lend();
  }

  #lend(): void {
    this.#state = State.head;
    this.#requests++;
    this.#informational = 0;
    this.#isAnswered = false;
    this.#isRequestSent = false;
    this.#isReusable = true;
  }

  // ---- sending ---------------------------------------------------------------------------------------------------

  sendHead(request: RequestHead, headers: HeaderList, contentLength: number): void {
    this.#request = request;
    let out = appendFields(`${request.method} ${request.target} HTTP/1.1\r\n`, headers, FRAMING);
    if (contentLength === UNKNOWN_LENGTH) out += "Transfer-Encoding: chunked\r\n";
    else if (contentLength > 0) out += `Content-Length: ${contentLength}\r\n`;
    else if (!HEAD_ONLY_METHODS.has(request.method)) out += "Content-Length: 0\r\n";
    if (request.upgrade !== "") {
      this.#websocketKey = headers.get("sec-websocket-key");
      out += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`;
    }
    this.#writer.begin(`${out}\r\n`, contentLength === UNKNOWN_LENGTH);
    if (contentLength === 0) {
      this.#isRequestSent = true;
      this.flush();
    }
  }

  sendBody(chunk: Buffer): boolean {
    return this.#state === State.closed || this.#writer.body(chunk);
  }

  get holdsChunks(): boolean {
    return this.#writer.holdsChunks;
  }

  sendEnd(): void {
    if (this.#state === State.closed) return;
    if (this.#state === State.tunnel) {
      this.flush();
      this.#socket.end();
      return;
    }
    this.#writer.end("");
    this.#isRequestSent = true;
  }

  flush(): void {
    if (this.#state !== State.closed) this.#writer.flush();
  }

  armTimer(delayMs: number): void {
    this.#timer.arm(delayMs);
  }

  onTimer(): void {
    if (this.#state === State.idle) this.#kill();
    else if (this.#state === State.connecting) this.#onConnectTimer();
    else this.#handler?.onUpstreamTimer();
  }

  // ---- receiving -------------------------------------------------------------------------------------------------

  /** Bytes of one read; they may be overwritten after the call, unless `holdsReadBuffer` says that they wait to be written. */
  onRead(bytes: Buffer): void {
    const held = this.#held;
    const handler = this.#handler;
    if (held === null) this.#process(bytes);
    else {
      this.#held = null;
      const joined = Buffer.concat([held, bytes]);
      // A head that drips in is parsed again where a line ended or the limit is near, not for each byte.
      if (this.#state === State.head && joined.length <= MAX_HEAD_BYTES && !bytes.includes(LF)) this.#held = joined;
      else this.#process(joined);
    }
    this.holdsReadBuffer = handler !== null && handler.holdsResponseChunks;
  }

  #process(bytes: Buffer): void {
    let pos = 0;
    const { length } = bytes;
    while (pos >= 0 && pos < length) {
      if (this.#isPaused) {
        this.#held = Buffer.from(bytes.subarray(pos));
        return;
      }
      if (this.#state === State.head) pos = this.#readHead(bytes, pos);
      else if (this.#state === State.body && !this.#decoder.isDone) pos = this.#readBody(bytes, pos);
      else if (this.#state === State.tunnel) {
        this.#handler?.onResponseBody(pos === 0 ? bytes : bytes.subarray(pos));
        break;
      } else {
        // Nobody asked for these bytes: more than the body's length, or talk on an idle connection.
        if (this.#state === State.idle) this.#kill();
        break;
      }
    }
    if (this.#isFinished()) this.#finish(pos < length);
    else this.#handler?.onUpstreamReadComplete();
  }

  #readHead(bytes: Buffer, position: number): number {
    const request = this.#request;
    if (request === null) {
      this.#fail("upstream-malformed", "the upstream sent data before a request");
      return -1;
    }
    const response = parser.parse(bytes, position, bytes.length, request.method);
    this.#isAnswered = true;
    if (response === null) {
      if (parser.failure !== "") {
        this.#fail("upstream-malformed", `the upstream's response is refused: ${parser.failure}`);
      } else this.#held = Buffer.from(bytes.subarray(position));
      return -1;
    }
    const { headEnd, options, framing } = parser;
    const { status } = response;
    if (options.nominated !== null) {
      for (const name of options.nominated) response.headers.remove(name);
    }
    if (status === 101) return this.#switchProtocols(response, headEnd);
    if (status < 200) {
      if (++this.#informational > MAX_INFORMATIONAL) {
        this.#fail("upstream-malformed", "the upstream sent too many informational responses");
        return -1;
      }
      this.#handler?.onInformational(status, response.headers);
      return headEnd;
    }
    this.#isReusable = !options.hasClose && (response.version === 11 || options.hasKeepAlive);
    if (framing === "length") this.#decoder.startLength(response.contentLength);
    else if (framing === "chunked") this.#decoder.startChunked();
    else if (framing === "until-close") {
      this.#isReusable = false;
      this.#decoder.startUntilClose();
    } else this.#decoder.startLength(0);
    if (this.#isReusable) this.#idleLimitMs = readIdleLimit(response.headers);
    this.#state = State.body;
    this.#handler?.onResponseHead(response);
    return headEnd;
  }

  #switchProtocols(response: ResponseHead, headEnd: number): number {
    const problem = checkUpgrade(this.#request as RequestHead, this.#websocketKey, response.headers, parser.options);
    if (problem !== null) {
      this.#fail("upstream-malformed", problem);
      return -1;
    }
    this.#isReusable = false;
    this.#state = State.tunnel;
    this.#handler?.onResponseHead(response);
    return headEnd;
  }

  #readBody(bytes: Buffer, position: number): number {
    const next = this.#decoder.decode(bytes, position, bytes.length, this);
    if (this.#decoder.hasFailed) {
      this.#fail("upstream-malformed", "the chunks of the upstream's response are malformed");
      return -1;
    }
    return next;
  }

  onBody(chunk: Buffer): void {
    this.#handler?.onResponseBody(chunk);
  }

  #isFinished(): boolean {
    return this.#state === State.body && this.#decoder.isDone && !this.#isPaused;
  }

  /** The response is complete: the connection goes back to the pool where it may. */
  #finish(hasSurplus: boolean): void {
    const handler = this.#handler;
    const { trailers } = this.#decoder;
    this.#handler = null;
    this.#request = null;
    this.#websocketKey = null;
    // An upstream that answered before it took the whole request still reads memory of that request.
    if (
      this.#isReusable &&
      this.#isRequestSent &&
      !hasSurplus &&
      !this.#isEndDue &&
      this.#socket.writableLength === 0
    ) {
      this.#state = State.idle;
      this.#owner.release(this, this.#idleLimitMs);
    } else this.#kill();
    handler?.onResponseEnd(trailers);
  }

  pauseResponse(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resumeResponse(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const held = this.#held;
    if (held !== null && this.#state !== State.head) {
      this.#held = null;
      this.#process(held);
    } else if (this.#isFinished()) this.#finish(false);
    if (this.#isPaused || this.#state === State.closed) return;
    this.#socket.resume();
    if (!this.#isEndDue) return;
    this.#isEndDue = false;
    this.onSocketEnd();
  }

  // ---- ends ------------------------------------------------------------------------------------------------------

  onSocketDrain(): void {
    this.#handler?.onUpstreamDrain();
  }

  onSocketEnd(): void {
    // What was read before the end is still to be delivered, once the other side takes it.
    if (this.#isPaused) {
      this.#isEndDue = true;
      return;
    }
    if (this.#state === State.body && this.#decoder.isUntilClose) {
      this.#decoder.startLength(0);
      if (this.#isFinished()) this.#finish(false);
      return;
    }
    if (this.#state === State.tunnel) {
      const handler = this.#handler;
      this.#handler = null;
      this.#kill();
      handler?.onResponseEnd(null);
      return;
    }
    this.#closedEarly(null);
  }

  onSocketError(error: Error): void {
    this.#closedEarly(error);
  }

  onSocketClose(): void {
    if (!this.#isEndDue) this.#closedEarly(null);
  }

  #closedEarly(cause: Error | null): void {
    if (this.#state === State.closed) return;
    if (this.#state === State.connecting) {
      this.#connectFailed(connectError(this.peer, cause ?? new Error("the connection was closed")));
      return;
    }
    const isUnanswered = this.#state === State.head && !this.#isAnswered;
    const handler = this.#handler;
    this.#kill();
    handler?.onUpstreamError(
      new ProxyError(
        "upstream-closed",
        "upstream",
        `the upstream ${this.peer.label} closed the connection before its response was complete`,
        isUnanswered ? "unanswered" : "never",
        cause ?? undefined,
      ),
      this,
    );
  }

  #fail(type: "upstream-malformed", message: string): void {
    const handler = this.#handler;
    this.#kill();
    handler?.onUpstreamError(new ProxyError(type, "upstream", `${message} (${this.peer.label})`), this);
  }

  abort(): void {
    this.#kill();
  }

  #kill(): void {
    if (this.#state === State.closed) return;
    if (this.#state === State.connecting) this.#owner.settle(this);
    this.#state = State.closed;
    this.#handler = null;
    this.#held = null;
    this.#timer.dispose();
    this.#owner.forget(this);
    this.#socket.destroy();
  }
}

/** Milliseconds of a `Keep-Alive: timeout=N` (seconds), less a second for the way; 0 for none. */
function readIdleLimit(headers: HeaderList): number {
  const value = headers.get("keep-alive");
  if (value === null) return 0;
  const match = /(?:^|[,\s])timeout=(\d{1,5})\b/i.exec(value);
  return match === null ? 0 : Math.max(Number(match[1]) * 1000 - 1000, 1);
}
