// A certificate chain with its key, as the TLS listeners use it.
import type { SecretBytes } from "./secret-bytes.ts";

export interface Certificate {
  /** Stable: `namespace/secret`. */
  readonly id: string;
  /** PEM, leaf first. */
  readonly chainPem: string;
  /** PEM. */
  readonly key: SecretBytes;
  /** DNS names of the leaf (subject alternative names), lower case, sorted. */
  readonly dnsNames: readonly string[];
}
