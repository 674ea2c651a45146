// Two readings of the same bytes: our HTTP/1 parser's, and llhttp's by way of node:http.
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import { BodyDecoder } from "../../src/engine/http1/framing.ts";
import { RequestParser } from "../../src/engine/http1/request-parser.ts";

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string | null;
  readonly body: string;
}

export interface Reading {
  /** Requests that were understood whole, in order. */
  readonly requests: readonly ReadRequest[];
  readonly isRefused: boolean;
}

const LIMITS = { maxHeaderCount: 100, maxHeaderBytes: 32 * 1024, maxRequestLineBytes: 8 * 1024 };

export function readWithOurs(bytes: Buffer): Reading {
  const parser = new RequestParser(LIMITS);
  const requests: ReadRequest[] = [];
  let pos = 0;
  while (pos < bytes.length) {
    const head = parser.parse(bytes, pos, bytes.length);
    if (head === null) return { requests, isRefused: parser.failure !== null };
    const decoder = new BodyDecoder();
    if (head.contentLength < 0) decoder.startChunked();
    else decoder.startLength(head.contentLength);
    let body = "";
    const sink = { onBody: (chunk: Buffer): void => void (body += chunk.toString("latin1")) };
    pos = decoder.decode(bytes, parser.headEnd, bytes.length, sink);
    if (decoder.hasFailed) return { requests, isRefused: true };
    if (!decoder.isDone) return { requests, isRefused: false };
    requests.push({ method: head.method, target: head.target, host: head.headers.get("host"), body });
    if (parser.options.hasClose || (head.version === 10 && !parser.options.hasKeepAlive)) break;
  }
  return { requests, isRefused: false };
}

/** A socket that exists only in memory. */
class MemorySocket extends Duplex {
  // node:http asks its socket for these.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  override _read(): void {
    // Bytes are pushed.
  }
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** node:http as a reader; one for many readings. */
export class LlhttpReader {
  readonly #server: http.Server;
  /** In the order of their heads; null until the body is whole. */
  #requests: (ReadRequest | null)[] = [];
  #isRefused = false;

  constructor() {
    this.#server = http.createServer({ maxHeaderSize: 64 * 1024 }, (request, reply) => this.#collect(request, reply));
    const collect = (request: IncomingMessage, reply: ServerResponse): void => this.#collect(request, reply);
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
    this.#requests = [];
    this.#isRefused = false;
    const socket = new MemorySocket({ allowHalfOpen: true });
    const closed = new Promise<void>((resolve) => {
      socket.once("close", resolve);
    });
    this.#server.emit("connection", socket);
    socket.push(bytes);
    socket.push(null);
    await closed;
    const cut = this.#requests.indexOf(null);
    const whole = (cut < 0 ? this.#requests : this.#requests.slice(0, cut)) as ReadRequest[];
    return { requests: whole, isRefused: this.#isRefused };
  }

  #collect(request: IncomingMessage, reply: ServerResponse): void {
    const requests = this.#requests;
    const index = requests.push(null) - 1;
    let body = "";
    request.on("data", (chunk: Buffer) => void (body += chunk.toString("latin1")));
    request.on("end", () => {
      requests[index] = describe(request, body);
      reply.end();
    });
    request.on("error", () => undefined);
  }
}

function describe(request: IncomingMessage, body: string): ReadRequest {
  return { method: request.method ?? "", target: request.url ?? "", host: request.headers.host ?? null, body };
}
