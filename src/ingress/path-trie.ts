// Finds the most specific route for a path: the longest configured path that matches, exact before prefix where two are
// equally long. Edges carry as many path elements as they can, so that size follows the number of routes and a lookup is
// linear in the path.
import type { TrieNode } from "./trie-node.ts";

export class PathTrie<T> {
  readonly #root: TrieNode<T>;

  /** @param root with the winners of all nodes settled; comes from a PathTrieBuilder. */
  constructor(root: TrieNode<T>) {
    this.#root = root;
  }

  /** @param path in matching form. */
  lookup(path: string): T | null {
    let node = this.#root;
    let position = 1;
    while (position < path.length) {
      const child = node.childAt(path, position);
      if (child === null) return node.below;
      position += child.label.length;
      if (position === path.length) return child.atEnd;
      node = child;
      position++;
    }
    return node.atSlash;
  }
}
