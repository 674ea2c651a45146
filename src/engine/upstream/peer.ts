// The endpoint chosen for one attempt, with everything that decides which pooled connections may serve it.
import type { SecureContext } from "node:tls";
import { createTrustContext, systemTrustContext } from "./trust-context.ts";

/** How a connection to a peer is secured. The certificate is always verified. */
export interface PeerTls {
  /** Sent as SNI, and the name that the certificate must have. */
  readonly serverName: string;
  /** Authorities to trust, PEM; null for the system's. */
  readonly caPem: string | null;
  /** Made from `caPem`. */
  readonly context: SecureContext;
}

export interface Peer {
  /** IPv4 or IPv6 address, without brackets. */
  readonly address: string;
  readonly port: number;
  readonly tls: PeerTls | null;
  /** `address:port`, for logs. */
  readonly label: string;
  /** Everything that matters for security: address, TLS name, authorities, protocol. Equal keys share connections. */
  readonly poolKey: string;
}

export interface PeerOptions {
  readonly address: string;
  readonly port: number;
  /** Set for TLS. */
  readonly tls?: PeerTlsOptions;
}

export interface PeerTlsOptions {
  readonly serverName: string;
  /** Default: the system's authorities. */
  readonly caPem?: string | null;
  /** A context that was made from `caPem` before; default: one is made. */
  readonly context?: SecureContext;
}

export function createPeer(options: PeerOptions): Peer {
  const { address, port } = options;
  const tls = options.tls === undefined ? null : compileTls(options.tls);
  const label = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return { address, port, tls, label, poolKey: tls === null ? label : securePoolKey(label, tls) };
}

/** No label is JSON, so no plain peer has the key of a secured one. */
function securePoolKey(label: string, { serverName, caPem }: PeerTls): string {
  return JSON.stringify([label, serverName, caPem, "http/1.1"]);
}

function compileTls({ serverName, caPem = null, context }: PeerTlsOptions): PeerTls {
  const made = context ?? (caPem === null ? systemTrustContext() : createTrustContext(caPem));
  return { serverName, caPem, context: made };
}
