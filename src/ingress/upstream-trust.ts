// The OpenSSL contexts that upstreams' certificates are verified with: one for each set of authorities, made when first
// needed, shared by all peers.
import type { SecureContext } from "node:tls";
import { createTrustContext } from "../engine/upstream/trust-context.ts";

export class UpstreamTrust {
  readonly #contexts = new Map<string | null, SecureContext>();

  /** @param caPem as for `createTrustContext`. */
  contextFor(caPem: string | null): SecureContext {
    let context = this.#contexts.get(caPem);
    if (context === undefined) {
      context = createTrustContext(caPem);
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
