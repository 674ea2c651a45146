// Finds the most specific route for a path: the longest configured path that matches, exact before prefix where two are
// equally long. Edges carry as many path elements as they can, so that size follows the number of routes and a lookup is
// linear in the path.

/** A configured path in matching form (request-path.ts). */
export interface PathPattern {
  readonly kind: "exact" | "prefix";
  /** Begins with a slash; a slash at the end of a prefix makes it longer, and changes nothing else. */
  readonly path: string;
}

const SLASH = 0x2f;
/** Up to here comparing the edges one by one is cheaper than a Map, which needs the element as a string of its own. */
const MAX_COMPARED_EDGES = 6;

export class PathTrie<T> {
  readonly #root: Node<T>;

  /** @param entries where two have the same pattern, the first counts. */
  constructor(entries: Iterable<readonly [pattern: PathPattern, value: T]>) {
    this.#root = new Node<T>("");
    for (const [pattern, value] of entries) {
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
    seal(this.#root);
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

/** Shared by all leaves, of which there are as many as routes. */
const NO_EDGES: readonly never[] = [];

class Node<T> {
  /** The elements from the parent to here, without outer slashes; `""` only for the root. */
  label: string;
  /** The label's first character. */
  first: number;
  exact: T | null;
  exactWithSlash: T | null;
  prefix: T | null;
  prefixWithSlash: T | null;
  /** Winners, those of ancestors included: where the path ends here, where it ends here with a slash, where it goes on. */
  atEnd: T | null;
  atSlash: T | null;
  below: T | null;
  edges: readonly Node<T>[];
  /** By first element; null where the edges are few. */
  edgesByElement: Map<string, Node<T>> | null;

  constructor(label: string) {
    this.label = label;
    this.first = label.charCodeAt(0);
    this.exact = null;
    this.exactWithSlash = null;
    this.prefix = null;
    this.prefixWithSlash = null;
    this.atEnd = null;
    this.atSlash = null;
    this.below = null;
    this.edges = NO_EDGES;
    this.edgesByElement = null;
  }

  /** The edge whose whole label stands in `path` at `position`, up to the end of an element. */
  childAt(path: string, position: number): Node<T> | null {
    const { edges, edgesByElement } = this;
    if (edgesByElement !== null) {
      const element = elementAt(path, position);
      const child = edgesByElement.get(element);
      if (child === undefined) return null;
      return child.label.length === element.length || child.standsIn(path, position) ? child : null;
    }
    const first = path.charCodeAt(position);
    for (let i = 0; i < edges.length; i++) {
      const child = edges[i] as Node<T>;
      if (child.first === first && child.standsIn(path, position)) return child;
    }
    return null;
  }

  standsIn(path: string, position: number): boolean {
    const end = position + this.label.length;
    return (
      (end === path.length || (end < path.length && path.charCodeAt(end) === SLASH)) &&
      path.startsWith(this.label, position)
    );
  }

  addEdge(child: Node<T>): void {
    if (this.edges.length === 0) this.edges = [child];
    else (this.edges as Node<T>[]).push(child);
    if (this.edgesByElement !== null) {
      this.edgesByElement.set(elementAt(child.label, 0), child);
    } else if (this.edges.length > MAX_COMPARED_EDGES) {
      this.edgesByElement = new Map(this.edges.map((edge) => [elementAt(edge.label, 0), edge]));
    }
  }

  /** The edge that begins with the element at `position`. */
  edgeFor(path: string, position: number): Node<T> | null {
    const element = elementAt(path, position);
    if (this.edgesByElement !== null) return this.edgesByElement.get(element) ?? null;
    return this.edges.find((edge) => elementAt(edge.label, 0) === element) ?? null;
  }
}

function elementAt(path: string, position: number): string {
  const slash = path.indexOf("/", position);
  return slash === -1 ? path.slice(position) : path.slice(position, slash);
}

/** The node for a path without outer slashes; makes it where it is missing. */
function insert<T>(root: Node<T>, path: string): Node<T> {
  let node = root;
  let position = 0;
  while (position < path.length) {
    const edge = node.edgeFor(path, position);
    if (edge === null) {
      const leaf = new Node<T>(path.slice(position));
      node.addEdge(leaf);
      return leaf;
    }
    const shared = sharedElementsLength(edge.label, path, position);
    if (shared < edge.label.length) split(edge, shared);
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

/** Cuts a label after `length`: what the node held goes down to a new node for the rest. */
function split<T>(node: Node<T>, length: number): void {
  const rest = new Node<T>(node.label.slice(length + 1));
  rest.exact = node.exact;
  rest.exactWithSlash = node.exactWithSlash;
  rest.prefix = node.prefix;
  rest.prefixWithSlash = node.prefixWithSlash;
  rest.edges = node.edges;
  rest.edgesByElement = node.edgesByElement;
  node.label = node.label.slice(0, length);
  node.exact = null;
  node.exactWithSlash = null;
  node.prefix = null;
  node.prefixWithSlash = null;
  node.edges = NO_EDGES;
  node.edgesByElement = null;
  node.addEdge(rest);
}

/** Settles the winners from the root down; a loop, for configured paths may be thousands of elements deep. */
function seal<T>(root: Node<T>): void {
  settle(root, null);
  const pending: Node<T>[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const edge of node.edges) {
      settle(edge, node.below);
      if (edge.edges.length > 0) pending.push(edge);
    }
  }
}

function settle<T>(node: Node<T>, inherited: T | null): void {
  node.below = node.prefixWithSlash ?? node.prefix ?? inherited;
  node.atEnd = node.prefixWithSlash ?? node.exact ?? node.prefix ?? inherited;
  node.atSlash = node.exactWithSlash ?? node.below;
}
