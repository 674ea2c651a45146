// One node of a PathTrie, with the edges to the next ones.

export const SLASH = 0x2f;
/** Up to here comparing the edges one by one is cheaper than a Map, which needs the element as a string of its own. */
const MAX_COMPARED_EDGES = 6;

/** Shared by all leaves, of which there are as many as routes. */
const NO_EDGES: readonly never[] = [];

export class TrieNode<T> {
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
  edges: readonly TrieNode<T>[];
  /** By first element; null where the edges are few. */
  edgesByElement: Map<string, TrieNode<T>> | null;

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
  childAt(path: string, position: number): TrieNode<T> | null {
    const { edges, edgesByElement } = this;
    if (edgesByElement !== null) {
      const element = elementAt(path, position);
      const child = edgesByElement.get(element);
      if (child === undefined) return null;
      return child.label.length === element.length || child.standsIn(path, position) ? child : null;
    }
    const first = path.charCodeAt(position);
    for (let i = 0; i < edges.length; i++) {
      const child = edges[i] as TrieNode<T>;
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

  addEdge(child: TrieNode<T>): void {
    if (this.edges.length === 0) this.edges = [child];
    else (this.edges as TrieNode<T>[]).push(child);
    if (this.edgesByElement !== null) {
      this.edgesByElement.set(elementAt(child.label, 0), child);
    } else if (this.edges.length > MAX_COMPARED_EDGES) {
      this.edgesByElement = new Map(this.edges.map((edge) => [elementAt(edge.label, 0), edge]));
    }
  }

  /** The edge that begins with the element at `position`. */
  edgeFor(path: string, position: number): TrieNode<T> | null {
    const element = elementAt(path, position);
    if (this.edgesByElement !== null) return this.edgesByElement.get(element) ?? null;
    return this.edges.find((edge) => elementAt(edge.label, 0) === element) ?? null;
  }

  /** Cuts the label after `length`: what the node held goes down to a new node for the rest. */
  splitAfter(length: number): void {
    const rest = new TrieNode<T>(this.label.slice(length + 1));
    rest.exact = this.exact;
    rest.exactWithSlash = this.exactWithSlash;
    rest.prefix = this.prefix;
    rest.prefixWithSlash = this.prefixWithSlash;
    rest.edges = this.edges;
    rest.edgesByElement = this.edgesByElement;
    this.label = this.label.slice(0, length);
    this.exact = null;
    this.exactWithSlash = null;
    this.prefix = null;
    this.prefixWithSlash = null;
    this.edges = NO_EDGES;
    this.edgesByElement = null;
    this.addEdge(rest);
  }
}

/** The path element from `position` on. */
function elementAt(path: string, position: number): string {
  const slash = path.indexOf("/", position);
  return slash === -1 ? path.slice(position) : path.slice(position, slash);
}
