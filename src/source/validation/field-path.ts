// Where in an object a field stands, written as the Kubernetes API writes it.
import { printable } from "../../lib/untrusted-text.ts";

/** A step into a value: the name or key of a mapping's entry, or the index in a list. */
export type PathSegment = string | number;

type Step = "root" | "name" | "index" | "key";

/** Longer keys are cut where a path is shown; the longest legal one has 253 characters and its prefix. */
const MAX_SHOWN_KEY = 320;

/** An immutable path from the object's root; `toString` gives `spec.rules[0].host`, `data[tls.crt]`, or `""` for the root. */
export class FieldPath {
  static readonly root: FieldPath = new FieldPath(null, "root", "");

  readonly #parent: FieldPath | null;
  readonly #step: Step;
  readonly #segment: PathSegment;

  private constructor(parent: FieldPath | null, step: Step, segment: PathSegment) {
    this.#parent = parent;
    this.#step = step;
    this.#segment = segment;
  }

  /** A field of an object. */
  child(name: string): FieldPath {
    return new FieldPath(this, "name", name);
  }

  /** An element of a list. */
  index(position: number): FieldPath {
    return new FieldPath(this, "index", position);
  }

  /** An entry of a map with keys of the user's choice. */
  key(key: string): FieldPath {
    return new FieldPath(this, "key", key);
  }

  /** The same path as steps into plain data, for looking a line up. */
  segments(): PathSegment[] {
    const segments: PathSegment[] = [];
    for (let path = this.#parent === null ? null : (this as FieldPath); path !== null; path = path.#up()) {
      segments.push(path.#segment);
    }
    return segments.toReversed();
  }

  toString(): string {
    const parts: string[] = [];
    for (let path = this.#parent === null ? null : (this as FieldPath); path !== null; path = path.#up()) {
      parts.push(path.#shown());
    }
    return parts.toReversed().join("");
  }

  /** The parent, or null where that is the root. */
  #up(): FieldPath | null {
    return this.#parent === null || this.#parent.#parent === null ? null : this.#parent;
  }

  #shown(): string {
    if (this.#step === "index") return `[${this.#segment}]`;
    const shown = printable(String(this.#segment), MAX_SHOWN_KEY);
    if (this.#step === "key") return `[${shown}]`;
    return this.#up() === null ? shown : `.${shown}`;
  }
}
