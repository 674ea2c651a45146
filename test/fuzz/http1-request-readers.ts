// Three readers of requests: our parser on whole buffers, our connection on bytes that come in pieces, and llhttp by
// way of node:http.
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { HeaderList } from "../../src/engine/http/header-list.ts";
import { type RequestHead, ResponseHead } from "../../src/engine/http/messages.ts";
import { BodyDecoder } from "../../src/engine/http1/framing.ts";
import { RequestParser } from "../../src/engine/http1/request-parser.ts";
import { Http1ServerConnection, type Http1ServerContext } from "../../src/engine/http1/server-connection.ts";
import type { DownstreamConnection, DownstreamHandler, DownstreamStream } from "../../src/engine/proxy/downstream.ts";
import { TimerWheel } from "../../src/lib/timer-wheel.ts";
import type { Dice } from "./http1-cases.ts";
import { linesOf, pairUp, type ReadMessage, type Reading } from "./http1-reading.ts";
import { chooseCuts, MemorySocket } from "./memory-socket.ts";

const LIMITS = { maxHeaderCount: 100, maxHeaderBytes: 32 * 1024, maxRequestLineBytes: 8 * 1024 };

/** The parser and the decoder alone: fast, and blind to what the connection does with them. */
export function readWithParser(bytes: Buffer): Reading {
  const parser = new RequestParser(LIMITS);
  const messages: ReadMessage[] = [];
  let pos = 0;
  while (pos < bytes.length) {
    const head = parser.parse(bytes, pos, bytes.length);
    if (head === null) return { messages, isRefused: parser.failure !== null };
    const message = messageOf(head);
    messages.push(message);
    const decoder = new BodyDecoder();
    if (head.contentLength < 0) decoder.startChunked();
    else decoder.startLength(head.contentLength);
    let body = "";
    const sink = { onBody: (chunk: Buffer): void => void (body += chunk.toString("latin1")) };
    pos = decoder.decode(bytes, parser.headEnd, bytes.length, sink);
    if (!decoder.isDone) return { messages, isRefused: decoder.hasFailed };
    message.body = body;
    message.trailers = linesOf(decoder.trailers);
    if (parser.options.hasClose || (head.version === 10 && !parser.options.hasKeepAlive)) break;
  }
  return { messages, isRefused: false };
}

function messageOf(head: RequestHead): ReadMessage {
  const { method, target } = head;
  const start = { method, target, host: head.headers.get("host") };
  return { start, headers: linesOf(head.headers), body: null, trailers: [] };
}

const CONNECTION: DownstreamConnection = {
  id: 1,
  listener: "http",
  remoteAddress: "127.0.0.1",
  remotePort: 1,
  localPort: 2,
  isTrusted: false,
  tls: null,
};

/** How a workflow may treat a request: it is the dice's choice. */
export interface Temper {
  readonly dice: Dice;
  /** Answers may come before the body was read. */
  readonly mayAnswerEarly: boolean;
}

/** The real connection: bytes come in pieces, the workflow pauses, and answers now or later. */
export class ConnectionReader {
  readonly #wheel = new TimerWheel();
  readonly #parser = new RequestParser(LIMITS);

  async read(bytes: Buffer, temper: Temper): Promise<Reading> {
    const messages: ReadMessage[] = [];
    let isRefused = false;
    const closed = Promise.withResolvers<void>();
    const context: Http1ServerContext = {
      limits: { ...LIMITS, headerTimeoutMs: 60_000, keepAliveTimeoutMs: 60_000, maxKeepAliveRequests: 1000 },
      parser: this.#parser,
      wheel: this.#wheel,
      onRequest: (stream) => {
        const message = messageOf(stream.request);
        messages.push(message);
        return new RecordingHandler(stream, message, temper, () => {
          isRefused = true;
        }).start();
      },
      onRefused: () => {
        isRefused = true;
      },
      onClose: () => closed.resolve(),
      isDraining: false,
    };
    const socket = new MemorySocket();
    const connection = new Http1ServerConnection(socket.asSocket, CONNECTION, context);
    socket.on("data", (chunk: Buffer) => {
      // As the memory of a real read it is someone else's after the call.
      const lent = Buffer.from(chunk);
      connection.onRead(lent);
      lent.fill("!");
    });
    socket.feed(bytes, chooseCuts(bytes.length, temper.dice));
    await closed.promise;
    return { messages, isRefused };
  }

  /** Frees the clock. */
  stop(): void {
    this.#wheel.stop();
  }
}

class RecordingHandler implements DownstreamHandler {
  readonly holdsRequestChunks = false;
  readonly #stream: DownstreamStream;
  readonly #message: ReadMessage;
  readonly #temper: Temper;
  readonly #onFailed: () => void;
  #body = "";
  #isOver = false;

  constructor(stream: DownstreamStream, message: ReadMessage, temper: Temper, onFailed: () => void) {
    this.#stream = stream;
    this.#message = message;
    this.#temper = temper;
    this.#onFailed = onFailed;
  }

  start(): this {
    const { dice, mayAnswerEarly } = this.#temper;
    if (this.#stream.request.contentLength === 0) {
      this.#message.body = "";
      this.#soon(() => this.#answer());
    } else if (mayAnswerEarly && dice.chance(30)) this.#soon(() => this.#answer());
    else this.#soon(() => this.#resume());
    return this;
  }

  onRequestBody(chunk: Buffer): void {
    this.#body += chunk.toString("latin1");
    if (!this.#temper.dice.chance(30)) return;
    this.#stream.pauseRequest();
    setImmediate(() => this.#resume());
  }

  onRequestEnd(trailers: HeaderList | null): void {
    if (this.#isOver) return;
    this.#message.body = this.#body;
    this.#message.trailers = linesOf(trailers);
    this.#soon(() => this.#answer());
  }

  onRequestFailed(): void {
    this.#onFailed();
    this.#answer();
  }

  onDownstreamClose(): void {
    this.#isOver = true;
  }

  onDownstreamReadComplete(): void {
    // Nothing is held back.
  }

  onDownstreamDrain(): void {
    // What is written is gone at once.
  }

  /** Now, or in a later turn of the event loop. */
  #soon(act: () => void): void {
    if (this.#temper.dice.chance(50)) act();
    else setImmediate(act);
  }

  #resume(): void {
    if (!this.#isOver) this.#stream.resumeRequest();
  }

  #answer(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.sendHead(new ResponseHead(200, "", 11, HeaderList.empty(), 0), true);
    this.#stream.sendEnd(null);
  }
}

/** node:http as a reader; one for many readings. */
export class LlhttpRequestReader {
  readonly #server: http.Server;
  /** In the order of their heads. */
  #messages: ReadMessage[] = [];
  #isRefused = false;

  constructor() {
    const collect = (request: IncomingMessage, reply: ServerResponse): void => this.#collect(request, reply);
    this.#server = http.createServer({ maxHeaderSize: 64 * 1024 }, collect);
    this.#server.on("checkContinue", collect);
    this.#server.on("checkExpectation", collect);
    this.#server.on("connect", (_request, socket: Duplex) => socket.destroy());
    this.#server.on("clientError", (_error, socket: Duplex) => {
      this.#isRefused = true;
      // Bodies that were read before the error are told in ticks that come first.
      setImmediate(() => socket.destroy());
    });
  }

  async read(bytes: Buffer): Promise<Reading> {
    this.#messages = [];
    this.#isRefused = false;
    const socket = new MemorySocket();
    const closed = new Promise<void>((resolve) => {
      socket.once("close", resolve);
    });
    this.#server.emit("connection", socket);
    socket.feed(bytes);
    await closed;
    return { messages: this.#messages, isRefused: this.#isRefused };
  }

  #collect(request: IncomingMessage, reply: ServerResponse): void {
    const start = {
      method: request.method ?? "",
      target: originForm(request.url ?? ""),
      host: request.headers.host ?? null,
    };
    const message: ReadMessage = { start, headers: pairUp(request.rawHeaders), body: null, trailers: [] };
    this.#messages.push(message);
    let body = "";
    request.on("data", (chunk: Buffer) => void (body += chunk.toString("latin1")));
    request.on("end", () => {
      message.body = body;
      message.trailers = pairUp(request.rawTrailers);
      reply.end();
    });
    request.on("error", () => undefined);
  }
}

/** llhttp leaves absolute targets as they are. */
function originForm(target: string): string {
  const match = /^https?:\/\/[^/?]+(.*)$/i.exec(target);
  if (match === null) return target;
  const rest = match[1] as string;
  return rest.startsWith("/") ? rest : `/${rest}`;
}
