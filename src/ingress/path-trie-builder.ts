// Builds a PathTrie route by route, so that a host with ten thousands of them can be compiled over several turns.
import type { SlicedWork, SliceMeter } from "../lib/sliced-work.ts";
import type { PathPattern } from "./path-pattern.ts";
import { PathTrie } from "./path-trie.ts";
import { SLASH, TrieNode } from "./trie-node.ts";
import { KEPT_UNITS } from "./work-units.ts";

export class PathTrieBuilder<T> {
  readonly #root = new TrieNode<T>("");

  /** Where two have the same pattern, the first counts. */
  add(pattern: PathPattern, value: T): void {
    const hasSlash = pattern.path.endsWith("/");
    const node = insert(this.#root, hasSlash ? pattern.path.slice(1, -1) : pattern.path.slice(1));
    if (pattern.kind === "exact") {
      if (hasSlash) node.exactWithSlash ??= value;
      else node.exact ??= value;
    } else if (hasSlash) {
      node.prefixWithSlash ??= value;
    } else {
      node.prefix ??= value;
    }
  }

  /** Settles the winners from the root down; nothing may be added after it. */
  *finish(meter: SliceMeter): SlicedWork<PathTrie<T>> {
    settle(this.#root, null);
    // A loop, for configured paths may be thousands of elements deep.
    const pending: TrieNode<T>[] = [this.#root];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      for (const edge of node.edges) {
        settle(edge, node.below);
        if (edge.edges.length > 0) pending.push(edge);
        if (meter.isFullAfter(KEPT_UNITS)) yield;
      }
    }
    return new PathTrie(this.#root);
  }
}

/** The node for a path without outer slashes; makes it where it is missing. */
function insert<T>(root: TrieNode<T>, path: string): TrieNode<T> {
  let node = root;
  let position = 0;
  while (position < path.length) {
    const edge = node.edgeFor(path, position);
    if (edge === null) {
      const leaf = new TrieNode<T>(path.slice(position));
      node.addEdge(leaf);
      return leaf;
    }
    const shared = sharedElementsLength(edge.label, path, position);
    if (shared < edge.label.length) edge.splitAfter(shared);
    position += shared + 1;
    node = edge;
  }
  return node;
}

/** Length of the elements that `label` and `path` from `position` on have in common; at least one. */
function sharedElementsLength(label: string, path: string, position: number): number {
  let shared = 0;
  for (let i = 0; i <= label.length; i++) {
    const isLabelEnd = i === label.length;
    const isPathEnd = position + i === path.length;
    const isElementEnd =
      (isLabelEnd || label.charCodeAt(i) === SLASH) && (isPathEnd || path.charCodeAt(position + i) === SLASH);
    if (isElementEnd) shared = i;
    if (isLabelEnd || isPathEnd || label.charCodeAt(i) !== path.charCodeAt(position + i)) break;
  }
  return shared;
}

/** What wins at a node, where `inherited` is what wins below its parent. */
function settle<T>(node: TrieNode<T>, inherited: T | null): void {
  node.below = node.prefixWithSlash ?? node.prefix ?? inherited;
  node.atEnd = node.prefixWithSlash ?? node.exact ?? node.prefix ?? inherited;
  node.atSlash = node.exactWithSlash ?? node.below;
}
