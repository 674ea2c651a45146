// A certificate as the listeners serve it: the OpenSSL context and the names that it may speak for.
import type { SecureContext } from "node:tls";

export interface TlsIdentity {
  /** Stable id, for example `namespace/secret`. */
  readonly id: string;
  readonly context: SecureContext;
  /** Whether the certificate's subject alternative names cover a lower-case host. */
  covers(host: string): boolean;
}

/** Chooses an identity for a lower-case server name (`""`: none sent). Called for each handshake; never throws. */
export type TlsIdentityResolver = (serverName: string) => TlsIdentity;
