// An upstream to try the examples with: it answers with what it was asked, and echoes WebSocket messages. Not a product.
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

export interface OriginOptions {
  /** Named in every answer, so that a reader sees which Service was reached. */
  readonly service: string;
  /** 0: any free port. */
  readonly port: number;
  /** PEM; missing: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface Origin {
  readonly service: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1. Every path answers 200 with JSON; `?delay=MS` waits first, up to a minute. */
export async function startOrigin(options: OriginOptions): Promise<Origin> {
  const { service, tls } = options;
  const answer: RequestListener = (request, response) => {
    void answerRequest(service, request, response);
  };
  const server: Server = tls === undefined ? http.createServer(answer) : https.createServer(tls, answer);
  const tunnels = new Set<Duplex>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    tunnels.add(socket);
    socket.on("close", () => tunnels.delete(socket));
    echoMessages(request, socket);
  });
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  return {
    service,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const tunnel of tunnels) tunnel.destroy();
      await closed;
    },
  };
}

async function answerRequest(service: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const bodyBytes = await readBodyLength(request);
  const delayMs = Number(new URL(request.url ?? "/", "http://origin").searchParams.get("delay") ?? "0");
  if (delayMs > 0 && delayMs <= 60_000) await delay(delayMs, undefined, { ref: false });
  const { method, url, headers } = request;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`${JSON.stringify({ service, method, url, bodyBytes, headers }, null, 2)}\n`);
}

async function readBodyLength(request: IncomingMessage): Promise<number> {
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) length += chunk.length;
  } catch {
    // The client went away: there is nobody to answer.
  }
  return length;
}

/** Opens a WebSocket and sends every frame back (RFC 6455). Knows short frames only: up to 125 bytes. */
function echoMessages(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let pending: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (let frame = takeFrame(pending); frame !== null; frame = takeFrame(pending)) {
      pending = frame.rest;
      socket.write(frame.unmasked);
      if (frame.opcode === CLOSE_FRAME) socket.end();
    }
  });
  socket.on("end", () => socket.end());
}

const HEAD_BYTES = 2;
const MASK_BYTES = 4;
const CLOSE_FRAME = 8;

interface Frame {
  readonly opcode: number;
  /** As the server sends it. */
  readonly unmasked: Buffer;
  readonly rest: Buffer;
}

/** The first frame of a client's bytes; null while it is not complete. */
function takeFrame(bytes: Buffer): Frame | null {
  if (bytes.length < HEAD_BYTES + MASK_BYTES) return null;
  const payloadStart = HEAD_BYTES + MASK_BYTES;
  const length = bytes.readUInt8(1) & 0x7f;
  if (bytes.length < payloadStart + length) return null;
  const payload = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    payload[i] = bytes.readUInt8(payloadStart + i) ^ bytes.readUInt8(HEAD_BYTES + (i % MASK_BYTES));
  }
  const head = Buffer.from([bytes.readUInt8(0), length]);
  const opcode = bytes.readUInt8(0) & 0x0f;
  return { opcode, unmasked: Buffer.concat([head, payload]), rest: bytes.subarray(payloadStart + length) };
}
