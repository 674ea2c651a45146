// Test support: a cleartext HTTP/2 server on loopback whose requests are answered by functions, and what it saw.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { TimerWheel } from "../../src/lib/timer-wheel.ts";
import { RawHttp2 } from "./raw-http2.ts";
import { HeaderList } from "../../src/engine/http/header-list.ts";
import { type RequestHead, ResponseHead, UNKNOWN_LENGTH } from "../../src/engine/http/messages.ts";
import type { DownstreamConnection, DownstreamHandler, DownstreamStream } from "../../src/engine/proxy/downstream.ts";
import type { ProxyError } from "../../src/engine/proxy/proxy-error.ts";
import { Http2RequestParser } from "../../src/engine/http2/request-head.ts";
import { Http2ServerConnection, type Http2ServerContext } from "../../src/engine/http2/server-connection.ts";
import { DEFAULT_HTTP2_SERVER_LIMITS, type Http2ServerLimits } from "../../src/engine/http2/server-limits.ts";

/** One request as the fake workflow saw it. */
export class Exchange implements DownstreamHandler {
  readonly stream: DownstreamStream;
  readonly chunks: Buffer[] = [];
  readonly holdsRequestChunks = false;
  trailers: HeaderList | null = null;
  isEnded = false;
  drains = 0;
  closedBy: ProxyError | null = null;
  /** Called on every callback of the stream. */
  react: (exchange: Exchange) => void = () => {};
  readonly #waiters = new Set<() => void>();

  constructor(stream: DownstreamStream) {
    this.stream = stream;
  }

  get request(): RequestHead {
    return this.stream.request;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  respond(status: number, body: string | null, headers: string[] = []): void {
    const length = body === null ? 0 : Buffer.byteLength(body);
    this.stream.sendHead(new ResponseHead(status, "", 11, HeaderList.fromPairs(headers), length), body === null);
    if (body !== null) this.stream.sendBody(Buffer.from(body));
    this.stream.sendEnd(null);
  }

  begin(status: number, headers: string[] = []): void {
    this.stream.sendHead(new ResponseHead(status, "", 11, HeaderList.fromPairs(headers), UNKNOWN_LENGTH), false);
  }

  onRequestBody(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.#changed();
  }

  onRequestEnd(trailers: HeaderList | null): void {
    this.trailers = trailers;
    this.isEnded = true;
    this.#changed();
  }

  onDownstreamReadComplete(): void {}

  /** Resolves as soon as `condition` holds; it is asked after each callback of the stream. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
    });
  }

  #changed(): void {
    this.react(this);
    for (const check of this.#waiters) check();
  }

  onDownstreamDrain(): void {
    this.drains++;
    this.#changed();
  }

  onRequestFailed(): void {}

  onDownstreamClose(error: ProxyError): void {
    this.closedBy = error;
    this.#changed();
  }
}

export interface TestServer {
  readonly server: Server;
  readonly exchanges: Exchange[];
  readonly connections: Http2ServerConnection[];
  readonly refused: ProxyError[];
  readonly closed: Http2ServerConnection[];
  /** Moves the clock of the connections' timers on. */
  advance(ms: number): void;
  /** A client that has sent preface and SETTINGS. */
  client(settings?: readonly (readonly [number, number])[]): Promise<RawHttp2>;
  socket(options?: { allowHalfOpen?: boolean }): Promise<Socket>;
  /** Resolves as soon as so many connections have closed. */
  untilClosed(count: number): Promise<void>;
  close(): void;
}

export interface TestServerOptions {
  readonly limits?: Partial<Http2ServerLimits>;
  readonly onExchange?: (exchange: Exchange) => void;
  readonly onConnection?: (connection: Http2ServerConnection) => void;
  /** Read so many bytes before the connection is handed over, as a listener does that tells protocols apart. */
  readonly initialBytes?: number;
  readonly allowHalfOpen?: boolean;
}

/** Reads until `length` bytes are there, gives them back and hands the socket over. */
function handOver(socket: Socket, length: number, accept: (socket: Socket) => void): void {
  let read: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk]);
    if (read.length < length) return;
    socket.off("data", onData);
    socket.pause();
    socket.unshift(read);
    accept(socket);
  };
  socket.on("data", onData);
}

export function testConnection(socket: Socket, id: number): DownstreamConnection {
  return {
    id,
    listener: "test",
    remoteAddress: socket.remoteAddress ?? "",
    remotePort: socket.remotePort ?? 0,
    localPort: socket.localPort ?? 0,
    isTrusted: false,
    tls: null,
  };
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const limits = { ...DEFAULT_HTTP2_SERVER_LIMITS, ...options.limits };
  let now = 0;
  const wheel = new TimerWheel(100, () => now);
  const exchanges: Exchange[] = [];
  const connections: Http2ServerConnection[] = [];
  const refused: ProxyError[] = [];
  const closed: Http2ServerConnection[] = [];
  const closeWaiters = new Set<() => void>();
  const sockets = new Set<Socket>();
  const context: Http2ServerContext = {
    limits,
    parser: new Http2RequestParser(limits),
    wheel,
    now: () => now,
    onRequest(stream) {
      const exchange = new Exchange(stream);
      exchanges.push(exchange);
      (options.onExchange ?? (() => {}))(exchange);
      return exchange;
    },
    onRefused: (_connection, error) => refused.push(error),
    onClose: (connection) => {
      closed.push(connection);
      for (const check of closeWaiters) check();
    },
  };
  const accept = (socket: Socket): void => {
    const connection = new Http2ServerConnection(socket, testConnection(socket, connections.length), context);
    connections.push(connection);
    socket.on("data", (chunk: Buffer) => connection.onRead(chunk));
    socket.resume();
    options.onConnection?.(connection);
  };
  const server = createServer({ allowHalfOpen: options.allowHalfOpen ?? false }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    if (options.initialBytes === undefined) accept(socket);
    else handOver(socket, options.initialBytes, accept);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const open = async (socketOptions: { allowHalfOpen?: boolean } = {}): Promise<Socket> => {
    const socket = connect({ port, host: "127.0.0.1", ...socketOptions });
    await once(socket, "connect");
    sockets.add(socket);
    return socket;
  };
  return {
    server,
    exchanges,
    connections,
    refused,
    closed,
    advance(ms) {
      now += ms;
      wheel.advance();
    },
    async client(settings) {
      const client = new RawHttp2(await open());
      client.start(settings);
      return client;
    },
    socket: open,
    async untilClosed(count) {
      await new Promise<void>((resolve) => {
        const check = (): void => {
          if (closed.length < count) return;
          closeWaiters.delete(check);
          resolve();
        };
        closeWaiters.add(check);
        check();
      });
    },
    close() {
      wheel.stop();
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
