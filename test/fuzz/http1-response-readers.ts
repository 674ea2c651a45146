// Three readers of an upstream's response: our parser on whole buffers, our connection on bytes that come in pieces,
// and llhttp by way of node:http's client.
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import { HeaderList } from "../../src/engine/http/header-list.ts";
import { RequestHead, type ResponseHead } from "../../src/engine/http/messages.ts";
import { Http1ClientConnection } from "../../src/engine/http1/client-connection.ts";
import { BodyDecoder } from "../../src/engine/http1/framing.ts";
import { ResponseParser } from "../../src/engine/http1/response-parser.ts";
import type { UpstreamHandler } from "../../src/engine/proxy/upstream-stream.ts";
import { createPeer } from "../../src/engine/upstream/peer.ts";
import { TimerWheel } from "../../src/lib/timer-wheel.ts";
import type { Dice } from "./http1-cases.ts";
import { linesOf, pairUp, type ReadMessage, type Reading } from "./http1-reading.ts";
import { chooseCuts, MemorySocket } from "./memory-socket.ts";

/** The parser and the decoder alone. After a 101 nothing is HTTP any more: reading stops before it. */
export function readResponseWithParser(bytes: Buffer, method: string): Reading {
  const parser = new ResponseParser();
  const messages: ReadMessage[] = [];
  let pos = 0;
  for (;;) {
    const head = parser.parse(bytes, pos, bytes.length, method);
    if (head === null) return { messages, isRefused: parser.failure !== "" };
    pos = parser.headEnd;
    if (head.status === 101) return { messages, isRefused: false };
    const message = messageOf(head);
    messages.push(message);
    if (head.status >= 200) return { messages, isRefused: !readBody(parser, bytes, head, message) };
    message.body = "";
  }
}

/** False where the body is malformed; a cut one stays null. */
function readBody(parser: ResponseParser, bytes: Buffer, head: ResponseHead, message: ReadMessage): boolean {
  const decoder = new BodyDecoder();
  const { framing } = parser;
  if (framing === "chunked") decoder.startChunked();
  else if (framing === "until-close") decoder.startUntilClose();
  else decoder.startLength(framing === "none" ? 0 : head.contentLength);
  let body = "";
  const sink = { onBody: (chunk: Buffer): void => void (body += chunk.toString("latin1")) };
  decoder.decode(bytes, parser.headEnd, bytes.length, sink);
  if (decoder.isDone || decoder.isUntilClose) {
    message.body = body;
    message.trailers = linesOf(decoder.trailers);
  }
  return !decoder.hasFailed;
}

function messageOf(head: ResponseHead): ReadMessage {
  const { status, reason, version } = head;
  return {
    start: { status, reason, version: version === 10 ? "1.0" : "1.1" },
    headers: linesOf(head.headers),
    body: null,
    trailers: [],
  };
}

const PEER = createPeer({ address: "127.0.0.1", port: 1 });

/** The real connection: bytes come in pieces, and the workflow pauses. */
export class ConnectionResponseReader {
  readonly #wheel = new TimerWheel();

  async read(bytes: Buffer, method: string, dice: Dice): Promise<Reading> {
    const socket = new MemorySocket();
    const handler = new RecordingHandler(dice);
    const over = (): void => handler.done.resolve();
    const owner = { settle: () => undefined, release: over, forget: over };
    const connection = new Http1ClientConnection(socket.asSocket, PEER, owner, this.#wheel, handler);
    handler.connection = connection;
    connection.connected();
    const { request } = handler;
    connection.sendHead(request(method), HeaderList.empty(), 0);
    socket.on("data", (chunk: Buffer) => {
      const lent = Buffer.from(chunk);
      connection.onRead(lent);
      lent.fill("!");
    });
    socket.feed(bytes, chooseCuts(bytes.length, dice));
    await handler.done.promise;
    socket.destroy();
    return { messages: handler.messages, isRefused: handler.isRefused };
  }

  /** Frees the clock. */
  stop(): void {
    this.#wheel.stop();
  }
}

class RecordingHandler implements UpstreamHandler {
  readonly holdsResponseChunks = false;
  readonly messages: ReadMessage[] = [];
  readonly done = Promise.withResolvers<void>();
  readonly #dice: Dice;
  connection: Http1ClientConnection | null = null;
  isRefused = false;
  #body = "";
  #isOver = false;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  request(method: string): RequestHead {
    return new RequestHead(method, "/", "a", "a", 11, HeaderList.empty(), 0, "", false);
  }

  onConnected(): void {
    // The head is sent by the reader.
  }

  onSlowConnect(): void {
    // It is connected from the start.
  }

  onInformational(status: number, headers: HeaderList): void {
    this.messages.push({ start: { status }, headers: linesOf(headers), body: "", trailers: [] });
  }

  onResponseHead(head: ResponseHead): void {
    this.messages.push(messageOf(head));
  }

  onResponseBody(chunk: Buffer): void {
    this.#body += chunk.toString("latin1");
    if (!this.#dice.chance(30)) return;
    const { connection } = this;
    connection?.pauseResponse();
    setImmediate(() => {
      if (!this.#isOver) connection?.resumeResponse();
    });
  }

  onResponseEnd(trailers: HeaderList | null): void {
    const message = this.messages.at(-1) as ReadMessage;
    message.body = this.#body;
    message.trailers = linesOf(trailers);
    this.#finish();
  }

  onUpstreamError(error: { readonly type: string }): void {
    this.isRefused = error.type === "upstream-malformed";
    this.#finish();
  }

  onUpstreamReadComplete(): void {
    // Nothing is held back.
  }

  onUpstreamDrain(): void {
    // What is written is gone at once.
  }

  onUpstreamTimer(): void {
    // No timer is armed.
  }

  #finish(): void {
    this.#isOver = true;
    this.done.resolve();
  }
}

/** node:http's client as a reader. */
export async function readResponseWithLlhttp(bytes: Buffer, method: string): Promise<Reading> {
  const socket = new MemorySocket();
  const messages: ReadMessage[] = [];
  let isRefused = false;
  const closed = new Promise<void>((resolve) => {
    socket.once("close", resolve);
  });
  const request: ClientRequest = http.request({
    method,
    host: "a",
    maxHeaderSize: 128 * 1024,
    createConnection: () => socket.asSocket,
  });
  request.on("information", ({ statusCode, statusMessage, httpVersion, rawHeaders }) => {
    const start = { status: statusCode, reason: statusMessage, version: httpVersion };
    messages.push({ start, headers: pairUp(rawHeaders), body: "", trailers: [] });
  });
  request.on("upgrade", () => socket.destroy());
  request.on("response", (response: IncomingMessage) => {
    const { statusCode = 0, statusMessage = "", httpVersion } = response;
    const start = { status: statusCode, reason: statusMessage, version: httpVersion };
    const message: ReadMessage = { start, headers: pairUp(response.rawHeaders), body: null, trailers: [] };
    messages.push(message);
    let body = "";
    response.on("data", (chunk: Buffer) => void (body += chunk.toString("latin1")));
    response.on("end", () => {
      if (!response.complete) return;
      message.body = body;
      message.trailers = pairUp(response.rawTrailers);
    });
    response.on("error", () => undefined);
  });
  request.on("error", (error: NodeJS.ErrnoException) => {
    isRefused = error.code?.startsWith("HPE_") === true;
  });
  request.end();
  socket.feed(bytes);
  await closed;
  // What was read before the end is told in ticks that come first.
  await new Promise((resolve) => setImmediate(resolve));
  return { messages, isRefused };
}
