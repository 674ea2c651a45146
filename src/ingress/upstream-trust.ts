// The OpenSSL contexts that upstreams' certificates are verified with: one for each set of authorities, made when first
// needed, shared by all peers.
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";

export class UpstreamTrust {
  readonly #contexts = new Map<string | null, SecureContext>();

  /**
   * @param caPem PEM; null for the system's roots. Text without a usable certificate trusts nobody, so that connections
   * fail instead of going unverified.
   */
  contextFor(caPem: string | null): SecureContext {
    let context = this.#contexts.get(caPem);
    if (context === undefined) {
      context = createSecureContext(caPem === null ? {} : { ca: caPem });
      this.#contexts.set(caPem, context);
    }
    return context;
  }

  /** Forgets every context but those of `authorities`. */
  retain(authorities: ReadonlySet<string | null>): void {
    for (const caPem of this.#contexts.keys()) {
      if (!authorities.has(caPem)) this.#contexts.delete(caPem);
    }
  }
}
