// Finds what belongs to a host: the host itself, then the wildcard for exactly its first label, then what any host gets.

export class HostTable<T> {
  readonly #exact = new Map<string, T>();
  /** By what follows the asterisk: `.shop.example`. */
  readonly #wildcard = new Map<string, T>();
  #any: T | null = null;

  /**
   * Before the table serves.
   * @param host in lower case: `shop.example`, `*.shop.example`, or `""` for any host.
   * @throws Error on a host that comes twice.
   */
  add(host: string, value: T): void {
    if (this.entry(host) !== null) throw new Error(`host "${host}" comes twice`);
    if (host === "") this.#any = value;
    else if (host.startsWith("*.")) this.#wildcard.set(host.slice(1), value);
    else this.#exact.set(host, value);
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
