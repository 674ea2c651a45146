// How often each key was named. Knows nothing of what the keys are.

export class KeyCounts {
  readonly #counts = new Map<string, number>();

  has(key: string): boolean {
    return this.#counts.has(key);
  }

  /** Each once, in no particular order. */
  keys(): Iterable<string> {
    return this.#counts.keys();
  }

  add(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Takes back one `add`; a key that was not added is passed over. */
  remove(key: string): void {
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
  }
}
