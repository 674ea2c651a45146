// One listening socket: accepts connections within bounds, tells their protocol, and hands them to http1/ or http2/.
import net, { type AddressInfo, type Socket } from "node:net";
import { DRAIN_IDLE_MS, Http1ServerConnection, type Http1ServerContext } from "../http1/server-connection.ts";
import { Http2RequestParser } from "../http2/request-head.ts";
import { Http2ServerConnection, type Http2ServerContext } from "../http2/server-connection.ts";
import { DEFAULT_HTTP2_SERVER_LIMITS, type Http2ServerLimits } from "../http2/server-limits.ts";
import { RequestParser } from "../http1/request-parser.ts";
import type { DownstreamConnection, DownstreamTls } from "../proxy/downstream.ts";
import type { HttpApplication } from "../proxy/http-proxy.ts";
import { SocketReader } from "../transport/socket-reader.ts";
import { takeAcceptedHandles } from "../transport/accepted-handles.ts";
import type { ByteSocket } from "../transport/byte-socket.ts";
import { TcpSocket } from "../transport/tcp-socket.ts";
import { adoptSocket } from "../transport/adopt-socket.ts";
import { ProtocolSniffer } from "./protocol-sniffer.ts";
import { readSecure } from "../transport/read-secure.ts";
import { TlsAcceptor } from "./tls-acceptor.ts";
import type { ListenerOptions, ServerLimits, ServerObserver } from "./server-options.ts";

export interface ListenerContext {
  /** Connections that are open on all listeners of the server. */
  readonly countConnections: () => number;
  readonly application: HttpApplication;
  readonly limits: ServerLimits;
  readonly observer: ServerObserver;
}

/** A connection of either protocol, as drain sees it. */
interface OpenConnection {
  drain(): void;
  destroy(): void;
}

type CleartextSocket = Socket | TcpSocket;

const BACKLOG = 4096;
let nextConnectionId = 1;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #context: ListenerContext;
  readonly #server: net.Server;
  readonly #http1: Http1ServerContext;
  readonly #http2: Http2ServerContext;
  readonly #acceptor: TlsAcceptor | null;
  readonly #connections = new Set<OpenConnection>();
  /** Sockets whose protocol is not known yet. */
  readonly #undecided = new Set<ByteSocket>();
  #isDraining = false;
  #port = 0;
  #onEmpty: () => void = () => undefined;

  constructor(options: ListenerOptions, context: ListenerContext) {
    this.#options = options;
    this.#context = context;
    const { application, limits, observer } = context;
    this.#http1 = {
      limits,
      parser: new RequestParser(limits),
      wheel: application.wheel,
      onRequest: (stream) => application.onRequest(stream),
      onRefused: (connection, error) => observer.requestRefused(connection, error),
      onClose: (connection) => this.#forget(connection, "http/1.1"),
      isDraining: false,
    };
    const http2Limits: Http2ServerLimits = {
      ...DEFAULT_HTTP2_SERVER_LIMITS,
      ...limits,
      idleTimeoutMs: limits.keepAliveTimeoutMs,
      maxRequests: limits.maxKeepAliveRequests,
    };
    this.#http2 = {
      limits: http2Limits,
      parser: new Http2RequestParser(http2Limits),
      wheel: application.wheel,
      now: () => performance.now(),
      onRequest: (stream) => application.onRequest(stream),
      onRefused: (connection, error) => observer.requestRefused(connection, error),
      onClose: (connection) => this.#forget(connection, "h2"),
    };
    const { tls } = options;
    const { handshakeTimeoutMs } = limits;
    this.#acceptor =
      tls === undefined
        ? null
        : new TlsAcceptor({ resolve: tls.resolve, wheel: application.wheel, handshakeTimeoutMs });
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
  }

  get connectionCount(): number {
    return this.#connections.size + this.#undecided.size;
  }

  listen(): Promise<AddressInfo> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: BACKLOG, reusePort: true }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", ignoreError);
        if (this.#acceptor === null) this.#takeHandles();
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Closes the listening socket and idle connections; resolves when the last connection is gone. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#http1.isDraining = true;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const connection of this.#connections) connection.drain();
    const undecided = setTimeout(() => this.#destroyUndecided(), DRAIN_IDLE_MS);
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    if (this.connectionCount > 0) await empty;
    clearTimeout(undecided);
  }

  #destroyUndecided(): void {
    for (const socket of this.#undecided) socket.destroy();
  }

  destroyConnections(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#destroyUndecided();
  }

  get #isFull(): boolean {
    const { countConnections, limits } = this.#context;
    return this.#isDraining || countConnections() >= limits.maxConnections;
  }

  #takeHandles(): void {
    takeAcceptedHandles(this.#server, (accepted) => {
      if (this.#isFull) accepted.close();
      else {
        const reader = new SocketReader();
        this.#acceptCleartext(TcpSocket.accept(accepted, reader), reader);
      }
    });
  }

  #accept(accepted: Socket): void {
    if (this.#isFull) accepted.destroy();
    else if (this.#acceptor === null) {
      const reader = new SocketReader();
      this.#acceptCleartext(adoptSocket(accepted, reader.options), reader);
    } else this.#acceptSecure(accepted, this.#acceptor);
  }

  /** @param socket reads through `reader` from now on. */
  #acceptCleartext(socket: CleartextSocket, reader: SocketReader): void {
    this.#undecided.add(socket);
    const sniffer = new ProtocolSniffer(socket, this.#context, (protocol, bytes) => {
      this.#decided(socket);
      const info = protocol === null ? null : this.#describe(socket, null);
      if (info === null) socket.destroy();
      else {
        const connection = protocol === "h2" ? this.#openHttp2(socket, info) : this.#openHttp1(socket, info);
        reader.attach(connection);
        connection.onRead(bytes);
      }
    });
    reader.attach(sniffer);
  }

  #acceptSecure(accepted: Socket, acceptor: TlsAcceptor): void {
    this.#undecided.add(accepted);
    acceptor.accept(accepted, (secured, error) => {
      this.#decided(accepted);
      if (secured === null) {
        if (error !== null) this.#context.observer.handshakeFailed(this.#options.name, error);
        return;
      }
      const { socket, tls, protocol } = secured;
      const info = this.#describe(socket, tls);
      if (info === null || this.#isDraining) socket.destroy();
      else {
        const reader = new SocketReader();
        reader.attach(protocol === "h2" ? this.#openHttp2(socket, info) : this.#openHttp1(socket, info));
        readSecure(socket, reader.options);
      }
    });
  }

  #openHttp1(socket: ByteSocket, info: DownstreamConnection): Http1ServerConnection {
    const connection = new Http1ServerConnection(socket, info, this.#http1);
    this.#connections.add(connection);
    this.#context.observer.connectionOpened(this.#options.name, "http/1.1");
    return connection;
  }

  #openHttp2(socket: ByteSocket, info: DownstreamConnection): Http2ServerConnection {
    const connection = new Http2ServerConnection(socket, info, this.#http2);
    this.#connections.add(connection);
    this.#context.observer.connectionOpened(this.#options.name, "h2");
    return connection;
  }

  /** The connection's protocol is known, or it is gone. */
  #decided(socket: ByteSocket): void {
    this.#undecided.delete(socket);
    // What takes its place is counted within this turn of the event loop.
    if (this.#isDraining) queueMicrotask(() => this.#checkEmpty());
  }

  #checkEmpty(): void {
    if (this.connectionCount === 0) this.#onEmpty();
  }

  #forget(connection: OpenConnection, protocol: "h2" | "http/1.1"): void {
    this.#connections.delete(connection);
    this.#context.observer.connectionClosed(this.#options.name, protocol);
    this.#checkEmpty();
  }

  /** Null where the client is gone already. */
  #describe(socket: CleartextSocket, tls: DownstreamTls | null): DownstreamConnection | null {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) return null;
    // A dual-stack socket shows IPv4 clients as mapped addresses.
    const address = remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
    return {
      id: nextConnectionId++,
      listener: this.#options.name,
      remoteAddress: address,
      remotePort,
      localPort: this.#port,
      isTrusted: this.#context.application.trusts(address),
      tls,
    };
  }
}

function ignoreError(): void {
  // Of one connection, or too many open files: the listener goes on.
}
