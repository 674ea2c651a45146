// Finds what belongs to a host: the host itself, then the wildcard for exactly its first label, then what any host gets.

export class HostTable<T> {
  readonly #exact: ReadonlyMap<string, T>;
  /** By what follows the asterisk: `.shop.example`. */
  readonly #wildcard: ReadonlyMap<string, T>;
  readonly #any: T | null;

  /**
   * @param entries hosts in lower case: `shop.example`, `*.shop.example`, or `""` for any host. Throws an Error on a host
   * that comes twice.
   */
  constructor(entries: Iterable<readonly [host: string, value: T]>) {
    const exact = new Map<string, T>();
    const wildcard = new Map<string, T>();
    const any = new Map<string, T>();
    for (const [host, value] of entries) {
      const isWildcard = host.startsWith("*.");
      const table = host === "" ? any : isWildcard ? wildcard : exact;
      const key = isWildcard ? host.slice(1) : host;
      if (table.has(key)) throw new Error(`host "${host}" comes twice`);
      table.set(key, value);
    }
    this.#exact = exact;
    this.#wildcard = wildcard;
    this.#any = any.get("") ?? null;
  }

  /** @param host lower case, without port. */
  lookup(host: string): T | null {
    return this.exact(host) ?? this.wildcard(host) ?? this.#any;
  }

  exact(host: string): T | null {
    return this.#exact.get(host) ?? null;
  }

  /** What `*.` and the rest after the first label stand for. */
  wildcard(host: string): T | null {
    if (this.#wildcard.size === 0) return null;
    const dot = host.indexOf(".");
    return dot > 0 ? (this.#wildcard.get(host.slice(dot)) ?? null) : null;
  }

  get any(): T | null {
    return this.#any;
  }

  /** What was put in for a host, spelled as there. */
  entry(host: string): T | null {
    if (host === "") return this.#any;
    return (host.startsWith("*.") ? this.#wildcard.get(host.slice(1)) : this.#exact.get(host)) ?? null;
  }
}
