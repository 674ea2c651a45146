// The endpoints that the data plane was last told, so that only differences are told again.
import type { Snapshot } from "../ir/snapshot.ts";
import { areSameEndpoints } from "../ir/upstream.ts";
import type { EndpointSet } from "../ir/upstream.ts";

export class EndpointBaseline {
  readonly #sets = new Map<string, EndpointSet | null>();

  /** Starts anew from a snapshot that was handed to the data plane. */
  reset(snapshot: Snapshot): void {
    this.#sets.clear();
    for (const upstream of snapshot.upstreams) {
      if (upstream.dnsName === null) this.#sets.set(upstream.id, null);
    }
    for (const set of snapshot.endpoints) this.#sets.set(set.upstream, set);
  }

  /**
   * Takes the sets in and returns those that say something new. Sets of upstreams that the data plane does not know
   * are left to the next snapshot.
   */
  advance(sets: readonly EndpointSet[]): readonly EndpointSet[] {
    const changed: EndpointSet[] = [];
    for (const set of sets) {
      const known = this.#sets.get(set.upstream);
      if (known === undefined || haveSameEndpoints(known, set)) continue;
      this.#sets.set(set.upstream, set);
      changed.push(set);
    }
    return changed;
  }

  /** As `advance`, for sets that are the whole world: an upstream without one has no endpoints any more. */
  advanceTo(sets: readonly EndpointSet[]): readonly EndpointSet[] {
    const present = new Set(sets.map((set) => set.upstream));
    const emptied: EndpointSet[] = [];
    for (const upstream of this.#sets.keys()) {
      if (!present.has(upstream)) emptied.push({ upstream, endpoints: [] });
    }
    return this.advance([...sets, ...emptied]);
  }
}

function haveSameEndpoints(known: EndpointSet | null, next: EndpointSet): boolean {
  if (known === next) return true;
  return areSameEndpoints(known === null ? [] : known.endpoints, next.endpoints);
}
