// What waits its turn, party by party: one that brings much delays itself, and nobody else. Knows nothing of time.

/** Every party gets one turn after the other; within a party, what came first goes first. Each item waits once. */
export class FairQueue<T> {
  readonly #byParty = new Map<string, Set<T>>();

  sizeOf(party: string): number {
    return this.#byParty.get(party)?.size ?? 0;
  }

  add(party: string, item: T): void {
    const waiting = this.#byParty.get(party);
    if (waiting === undefined) this.#byParty.set(party, new Set([item]));
    else waiting.add(item);
  }

  /** It need not be served any more; the party keeps its turn. */
  delete(party: string, item: T): void {
    const waiting = this.#byParty.get(party);
    if (waiting?.delete(item) === true && waiting.size === 0) this.#byParty.delete(party);
  }

  /** It is served now: its party is last from now on. */
  serve(party: string, item: T): void {
    const waiting = this.#byParty.get(party);
    if (waiting?.delete(item) !== true) return;
    this.#byParty.delete(party);
    if (waiting.size > 0) this.#byParty.set(party, waiting);
  }

  clear(): void {
    this.#byParty.clear();
  }

  /** Whose turn it is; null where nobody waits. */
  first(): T | null {
    for (const waiting of this.#byParty.values()) for (const item of waiting) return item;
    return null;
  }

  /** One of every party, then the second of each, and so on. What it has given may be served or deleted meanwhile. */
  *inTurns(): Generator<T, void, undefined> {
    let rest = [...this.#byParty.values()].map((waiting) => waiting.values());
    while (rest.length > 0) {
      const further: typeof rest = [];
      for (const items of rest) {
        const next = items.next();
        if (next.done === true) continue;
        further.push(items);
        yield next.value;
      }
      rest = further;
    }
  }
}
