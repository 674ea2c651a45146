// What a server is made with: listeners, limits, and who is told of connections.
import type { DownstreamConnection } from "../proxy/downstream.ts";
import type { HttpApplication } from "../proxy/http-proxy.ts";
import type { ProxyError } from "../proxy/proxy-error.ts";
import type { TlsIdentityResolver } from "./tls-identity.ts";

/** Bounds on downstream connections. Times in milliseconds, sizes in bytes. */
export interface ServerLimits {
  /** On all listeners together. */
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

export const SILENT_OBSERVER: ServerObserver = {
  connectionOpened: () => undefined,
  connectionClosed: () => undefined,
  handshakeFailed: () => undefined,
  requestRefused: () => undefined,
};
