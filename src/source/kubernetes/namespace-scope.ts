// Which namespaces count: all, or those whose labels a selector matches. Watches nothing itself.
import type { LabelSelector } from "./label-selector.ts";

export type ScopeChange = "begins" | "ceases" | null;

export class NamespaceScope {
  readonly #selector: LabelSelector | null;
  readonly #matching = new Set<string>();

  /** @param selector null where every namespace that is read at all counts. */
  constructor(selector: LabelSelector | null) {
    this.#selector = selector;
  }

  /** Objects without a namespace always count. */
  accepts(namespace: string): boolean {
    return this.#selector === null || namespace === "" || this.#matching.has(namespace);
  }

  /** Takes in what a namespace is labelled with now; null labels: it is gone. */
  update(namespace: string, labels: Readonly<Record<string, string>> | null): ScopeChange {
    if (this.#selector === null) return null;
    const isMatching = labels !== null && this.#selector(labels);
    if (isMatching === this.#matching.has(namespace)) return null;
    if (isMatching) this.#matching.add(namespace);
    else this.#matching.delete(namespace);
    return isMatching ? "begins" : "ceases";
  }
}
