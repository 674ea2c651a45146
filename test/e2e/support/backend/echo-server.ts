// The upstream of the tests, run by the Node of Penstock's own image, which every cluster under test has. It says in JSON
// what it was asked, and speaks WebSocket. One file without imports of ours: it travels as text (../backend.ts).
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";

/** What it answers. */
export interface Echo {
  readonly pod: string;
  readonly node: string;
  readonly version: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly client: string;
}

const HANDSHAKE_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const environment = process.env;
let isReady = true;
let isStopping = false;
const upgraded = new Set<Duplex>();

const listener: RequestListener = (request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url ?? "/", "http://echo");
  if (url.pathname === "/-/ready") {
    const isServing = isReady && !isStopping;
    response.writeHead(isServing ? 200 : 503).end();
    return;
  }
  if (url.pathname === "/-/unready") isReady = false;
  if (url.pathname === "/-/exit") process.exit(Number(url.searchParams.get("code") ?? 1));
  request.resume().once("end", () => {
    setTimeout(() => answer(request, response, url), Number(url.searchParams.get("delay") ?? 0));
  });
};

/** `?status=503`, `?delay=MS`, `?size=BYTES` of padding, `?pace=MS` between eight parts of the body. */
function answer(request: IncomingMessage, response: ServerResponse, url: URL): void {
  const echo: Echo = {
    pod: environment["POD_NAME"] ?? "",
    node: environment["NODE_NAME"] ?? "",
    version: environment["ECHO_VERSION"] ?? "",
    method: request.method ?? "",
    url: request.url ?? "",
    headers: request.headers as Echo["headers"],
    client: request.socket.remoteAddress ?? "",
  };
  const text = JSON.stringify(echo) + " ".repeat(Number(url.searchParams.get("size") ?? 0));
  const status = Number(url.searchParams.get("status") ?? 200);
  const headers: Record<string, string> = { "content-type": "application/json", "x-echo-pod": echo.pod };
  if (isStopping) headers["connection"] = "close";
  const paceMs = Number(url.searchParams.get("pace") ?? 0);
  if (paceMs === 0) {
    response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) }).end(text);
    return;
  }
  response.writeHead(status, headers);
  const partLength = Math.ceil(text.length / 8);
  let position = 0;
  const timer = setInterval(() => {
    response.write(text.slice(position, position + partLength));
    position += partLength;
    if (position < text.length) return;
    clearInterval(timer);
    response.end();
  }, paceMs);
}

function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1")
    .update(key + HANDSHAKE_SUFFIX)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n` +
      `X-Echo-Pod: ${environment["POD_NAME"] ?? ""}\r\n\r\n`,
  );
  upgraded.add(socket);
  let pending: Buffer = head;
  socket.on("data", (chunk: Buffer) => {
    pending = answerFrames(socket, pending.length === 0 ? chunk : Buffer.concat([pending, chunk]));
  });
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
  socket.on("close", () => {
    upgraded.delete(socket);
    if (isStopping && upgraded.size === 0) endWhenIdle();
  });
}

/** Sends each whole frame back, unmasked, and answers what is left of the last one (RFC 6455 §5.2; lengths below 64 KiB). */
function answerFrames(socket: Duplex, bytes: Buffer): Buffer {
  let rest = bytes;
  while (rest.length >= 6) {
    const shortLength = (rest[1] ?? 0) & 0x7f;
    const start = shortLength === 126 ? 8 : 6;
    if (rest.length < start) break;
    const length = shortLength === 126 ? rest.readUInt16BE(2) : shortLength;
    if (rest.length < start + length) break;
    const mask = rest.subarray(start - 4, start);
    const payload = Buffer.from(rest.subarray(start, start + length));
    for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i % 4] ?? 0);
    const opcode = (rest[0] ?? 0) & 0x0f;
    const head = length < 126 ? Buffer.from([0, length]) : Buffer.from([0, 126, (length >> 8) & 0xff, length & 0xff]);
    // A ping (9) is answered by a pong (10), everything else by itself.
    head[0] = 0x80 | (opcode === 9 ? 10 : opcode);
    socket.write(Buffer.concat([head, payload]));
    if (opcode === 8) socket.end();
    rest = rest.subarray(start + length);
  }
  return rest;
}

const servers: Server[] = [http.createServer(listener)];
const tlsFolder = environment["ECHO_TLS_FOLDER"] ?? "";
if (tlsFolder !== "") {
  const [cert, key] = [readFileSync(`${tlsFolder}/tls.crt`), readFileSync(`${tlsFolder}/tls.key`)];
  servers.push(https.createServer({ cert, key }, listener));
}
const ports = [Number(environment["ECHO_PORT"] ?? 8080), Number(environment["ECHO_TLS_PORT"] ?? 8443)];
for (const [index, server] of servers.entries()) {
  server.keepAliveTimeout = 75_000;
  server.on("upgrade", upgrade);
  setTimeout(() => server.listen(ports[index]), Number(environment["ECHO_START_DELAY_MS"] ?? 0));
}

function endWhenIdle(): void {
  for (const server of servers) server.closeIdleConnections();
}

process.on("SIGTERM", () => {
  if (environment["ECHO_ON_SIGTERM"] === "exit") process.exit(0);
  isStopping = true;
  for (const server of servers) server.close();
  endWhenIdle();
});
