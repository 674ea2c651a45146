// How often each key was named. Knows nothing of what the keys are.

export class KeyCounts {
  readonly #counts = new Map<string, number>();

  has(key: string): boolean {
    return this.#counts.has(key);
  }

  /** Each once, in no particular order. */
  keys(): IterableIterator<string> {
    return this.#counts.keys();
  }

  /** @returns whether nobody had named the key before. */
  add(key: string): boolean {
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    return count === 0;
  }

  /** Takes back one `add`. @returns whether it was the last one; false for a key that was not added. */
  remove(key: string): boolean {
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
    return count === 1;
  }
}
