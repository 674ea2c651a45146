// A server: listeners in front of one application, their limits, and the orderly end of it all.
import type { AddressInfo } from "node:net";
import type { ProxyError } from "../proxy/proxy-error.ts";
import type { DownstreamConnection } from "../proxy/downstream.ts";
import type { HttpApplication } from "../proxy/http-proxy.ts";
import { Listener } from "./listener.ts";
import type { TlsIdentityResolver } from "./tls-identity.ts";

/** Bounds on downstream connections. Times in milliseconds, sizes in bytes. */
export interface ServerLimits {
  /** Per listener of this server. */
  readonly maxConnections: number;
  readonly headerTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxKeepAliveRequests: number;
  readonly maxHeaderCount: number;
  readonly maxHeaderBytes: number;
  readonly maxRequestLineBytes: number;
  readonly maxConcurrentStreams: number;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  maxConnections: 20_000,
  headerTimeoutMs: 10_000,
  handshakeTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  maxKeepAliveRequests: 10_000,
  maxHeaderCount: 100,
  maxHeaderBytes: 32 * 1024,
  maxRequestLineBytes: 8 * 1024,
  maxConcurrentStreams: 128,
};

export interface ListenerOptions {
  /** For logs and metrics. */
  readonly name: string;
  /** Address to bind; `::` takes both families. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Set for TLS; certificates are chosen for each handshake. */
  readonly tls?: ListenerTls;
}

export interface ListenerTls {
  /** Chooses the certificate for each handshake. */
  readonly resolve: TlsIdentityResolver;
}

/** What a server tells of its connections; every method is called often and must be cheap. */
export interface ServerObserver {
  connectionOpened(listener: string, protocol: "http/1.1" | "h2"): void;
  connectionClosed(listener: string, protocol: "http/1.1" | "h2"): void;
  /** A TLS handshake that came to nothing, for example a client that is too old, a scan, or one that went away. */
  handshakeFailed(listener: string, error: Error): void;
  /** Bytes that were no request: answered with the error's status, or dropped. */
  requestRefused(connection: DownstreamConnection, error: ProxyError): void;
}

export interface ServerOptions {
  readonly listeners: readonly ListenerOptions[];
  readonly application: HttpApplication;
  readonly limits?: Partial<ServerLimits>;
  readonly observer?: ServerObserver;
}

const SILENT: ServerObserver = {
  connectionOpened: () => undefined,
  connectionClosed: () => undefined,
  handshakeFailed: () => undefined,
  requestRefused: () => undefined,
};

export class Server {
  readonly #application: HttpApplication;
  readonly #listeners: readonly Listener[];
  #drained: Promise<number> | null = null;

  constructor(options: ServerOptions) {
    const { application } = options;
    const limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
    const observer = options.observer ?? SILENT;
    this.#application = application;
    this.#listeners = options.listeners.map((listener) => new Listener(listener, { application, limits, observer }));
  }

  /** Binds every listener; rejects with the first one's error, with nothing left bound. */
  async listen(): Promise<readonly AddressInfo[]> {
    try {
      return await Promise.all(this.#listeners.map((listener) => listener.listen()));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    let count = 0;
    for (const listener of this.#listeners) count += listener.connectionCount;
    return count;
  }

  /**
   * Stops accepting, lets requests finish, and closes. After `graceMs` what is still open is cut off.
   * @returns how many connections were cut off.
   */
  drain(graceMs: number): Promise<number> {
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  async #drain(graceMs: number): Promise<number> {
    this.#application.drain();
    const closed = Promise.all(this.#listeners.map((listener) => listener.drain()));
    let timer: NodeJS.Timeout | undefined;
    const graceOver = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([closed, graceOver]);
    clearTimeout(timer);
    const aborted = this.connectionCount;
    for (const listener of this.#listeners) listener.destroyConnections();
    await closed;
    this.#application.close();
    return aborted;
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    await this.drain(0);
  }
}
