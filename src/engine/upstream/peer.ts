// The endpoint chosen for one attempt, with everything that decides which pooled connections may serve it.
import type { SecureContext } from "node:tls";

export interface PeerTls {
  /** SNI and the name the certificate is verified against. */
  readonly serverName: string;
  /** PEM; null for the system's roots. */
  readonly caPem: string | null;
  /** Made once from `caPem`. */
  readonly context: SecureContext | null;
  /** False only for peers whose certificate nobody can verify; never a default. */
  readonly isVerified: boolean;
}

export interface Peer {
  /** IPv4 or IPv6 address, without brackets. */
  readonly address: string;
  readonly port: number;
  readonly tls: PeerTls | null;
  /** `address:port`, for logs. */
  readonly label: string;
  /** Everything that matters for security: address, TLS name, CA, client certificate, ALPN. Equal keys share connections. */
  readonly poolKey: string;
}

export interface PeerOptions {
  readonly address: string;
  readonly port: number;
  readonly tls?: PeerTls;
}

export function createPeer(options: PeerOptions): Peer {
  const { address, port } = options;
  const tls = options.tls ?? null;
  const label = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  const security = tls === null ? [] : [tls.serverName, tls.caPem, tls.isVerified, "http/1.1"];
  return { address, port, tls, label, poolKey: JSON.stringify([address, port, ...security]) };
}
