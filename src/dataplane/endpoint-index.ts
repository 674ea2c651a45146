// The newest endpoints of every upstream of the current snapshot: what the cluster says and what names resolved to.
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import { compareStrings } from "../lib/compare-strings.ts";

export class EndpointIndex {
  #sets = new Map<string, EndpointSet>();
  #upstreams: ReadonlySet<string> = new Set();
  #hasChanged = false;
  /** The last snapshot that was filled in, and what came out: the same object for all workers. */
  #filled: { readonly from: Snapshot; readonly snapshot: Snapshot } | null = null;

  /**
   * Starts anew from a snapshot, which holds the newest endpoints of the cluster. What names resolved to is not in it,
   * and is kept for upstreams that still have a name.
   */
  reset(snapshot: Snapshot): void {
    const resolved = snapshot.upstreams.flatMap((upstream) => {
      const known = upstream.dnsName === null ? undefined : this.#sets.get(upstream.id);
      return known === undefined ? [] : [known];
    });
    this.#upstreams = new Set(snapshot.upstreams.map((upstream) => upstream.id));
    this.#sets = new Map(snapshot.endpoints.map((set) => [set.upstream, set] as const));
    for (const set of resolved) this.#sets.set(set.upstream, set);
    this.#hasChanged = resolved.length > 0;
    this.#filled = null;
  }

  /** @returns false for an upstream that the current snapshot does not have. */
  update(set: EndpointSet): boolean {
    if (!this.#upstreams.has(set.upstream)) return false;
    this.#sets.set(set.upstream, set);
    this.#hasChanged = true;
    this.#filled = null;
    return true;
  }

  get(upstream: string): EndpointSet | null {
    return this.#sets.get(upstream) ?? null;
  }

  upstreams(): readonly string[] {
    return [...this.#sets.keys()];
  }

  /** The snapshot with the newest endpoints in it; an older snapshot keeps its own where nothing newer is known. */
  fillIn(snapshot: Snapshot, isCurrent: boolean): Snapshot {
    if (isCurrent && !this.#hasChanged) return snapshot;
    if (this.#filled?.from === snapshot) return this.#filled.snapshot;
    const sets = new Map(snapshot.endpoints.map((set) => [set.upstream, set] as const));
    for (const { id } of snapshot.upstreams) {
      const newest = this.#sets.get(id);
      if (newest !== undefined) sets.set(id, newest);
    }
    const endpoints = [...sets.values()].toSorted((one, other) => compareStrings(one.upstream, other.upstream));
    this.#filled = { from: snapshot, snapshot: { ...snapshot, endpoints } };
    return this.#filled.snapshot;
  }
}
