// The connections to one API server, made with one set of TLS material: a pool of HTTP/1.1 connections of our own.
import type { Dispatcher } from "undici";
import type { Credentials } from "./credentials.ts";

/** Milliseconds. */
export interface TransportTiming {
  readonly connectTimeoutMs: number;
  /** After so long without a byte the kernel asks whether the peer is there; shorter than load balancers' idle timeouts. */
  readonly keepAliveProbeMs: number;
  /** An idle connection is kept for so long. */
  readonly idleTimeoutMs: number;
}

export const DEFAULT_TRANSPORT_TIMING: TransportTiming = {
  connectTimeoutMs: 10_000,
  keepAliveProbeMs: 30_000,
  idleTimeoutMs: 60_000,
};

/** @returns a dispatcher for the server of these credentials, by way of its proxy where it has one. */
export async function openTransport(credentials: Credentials, timing: TransportTiming): Promise<Dispatcher> {
  const { Agent, ProxyAgent, Socks5ProxyAgent } = await import("undici");
  const { tls, configuration } = credentials;
  const tlsOptions = {
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key }),
    ...(tls.servername === null ? {} : { servername: tls.servername }),
    rejectUnauthorized: tls.rejectUnauthorized,
  };
  const tcpOptions = {
    timeout: timing.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: timing.keepAliveProbeMs,
  };
  // Each watch holds a connection. HTTP/2 would share one, and with it one slow reader's window.
  const pool = { allowH2: false, keepAliveTimeout: timing.idleTimeoutMs, connectTimeout: timing.connectTimeoutMs };
  const { proxyUrl } = configuration;
  if (proxyUrl === null) return new Agent({ ...pool, connect: { ...tlsOptions, ...tcpOptions } });
  if (proxyUrl.protocol.startsWith("socks")) {
    const uri = proxyUrl.href.replace(/^socks:/, "socks5:");
    return new Socks5ProxyAgent(uri, { ...pool, requestTls: { ...tlsOptions, ...tcpOptions } });
  }
  return new ProxyAgent({
    ...pool,
    uri: proxyUrl.href,
    requestTls: { ...tlsOptions, ...tcpOptions },
    connect: tcpOptions,
  });
}
