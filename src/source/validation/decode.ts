// From untrusted JSON data to a value of a known shape: a copy that holds only fields of the API, each of its type.
// Judges types and names of fields, nothing else.
import { findClosestWord } from "../../lib/closest-word.ts";
import type { FieldPath } from "./field-path.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Shape } from "./shape.ts";

/** What decoding yields: any field may be missing, at any depth; lists and maps have no holes. */
export type Partially<T> = T extends readonly (infer Item)[]
  ? readonly Partially<Item>[]
  : T extends string | number | boolean | null | undefined
    ? T
    : { readonly [Key in keyof T]?: Partially<Exclude<T[Key], null>> };

/** The API server takes no larger request; the size is that of the strings and a few bytes for every value. */
export const MAX_OBJECT_BYTES: number = 3 * 1024 * 1024;
const BYTES_PER_VALUE = 4;

/** Names and types are checked as the API server's decoder does: unknown fields are dropped with a warning, null counts as missing. */
export class ShapeDecoder {
  readonly #problems: ProblemList;
  #bytes = 0;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  /** True where the object is larger than the API server takes; what was decoded is then cut off. */
  get isTooLarge(): boolean {
    return this.#bytes > MAX_OBJECT_BYTES;
  }

  /** The part of `value` that has the shape; undefined where nothing of it has. */
  decode(value: unknown, shape: Shape, path: FieldPath): unknown {
    this.#bytes += BYTES_PER_VALUE;
    if (this.isTooLarge) return undefined;
    switch (shape.type) {
      case "string":
        return this.#decodeString(value, path);
      case "boolean":
        return typeof value === "boolean" ? value : this.#mismatch("boolean", value, path);
      case "integer":
        return this.#decodeInteger(value, shape.bits, path);
      case "integer-or-string":
        if (typeof value === "string") return this.#decodeString(value, path);
        if (typeof value === "number") return this.#decodeInteger(value, 32, path);
        return this.#mismatch("integer or string", value, path);
      case "list":
        return this.#decodeList(value, shape.items, path);
      case "map":
        return this.#decodeMap(value, shape.values, path);
      case "object":
        return this.#decodeObject(value, shape.fields, path);
      case "unread":
        return undefined;
    }
  }

  #decodeString(value: unknown, path: FieldPath): string | undefined {
    if (typeof value !== "string") return this.#mismatch("string", value, path);
    this.#bytes += value.length;
    return value;
  }

  #decodeInteger(value: unknown, bits: 32 | 64, path: FieldPath): number | undefined {
    if (typeof value !== "number" || !Number.isInteger(value)) return this.#mismatch("integer", value, path);
    const max = 2 ** (bits - 1);
    if (value >= -max && value < max) return value;
    this.#problems.wrongType(path, `expected ${bits}-bit integer, got ${value}`);
    return undefined;
  }

  #decodeList(value: unknown, items: Shape, path: FieldPath): unknown[] | undefined {
    if (!Array.isArray(value)) return this.#mismatch("array", value, path);
    const list: unknown[] = [];
    for (const [position, item] of value.entries()) {
      if (this.isTooLarge) break;
      const decoded = this.decode(item ?? emptyOf(items), items, path.index(position));
      // The place of an element that is refused is held, so that indices in later messages stay true.
      list.push(decoded === undefined ? emptyOf(items) : decoded);
    }
    return list;
  }

  #decodeMap(value: unknown, values: Shape, path: FieldPath): Readonly<Record<string, unknown>> | undefined {
    if (!isMapping(value)) return this.#mismatch("object", value, path);
    // Without a prototype no key of the user's is one that every object has, such as `constructor`.
    const map = Object.create(null) as Record<string, unknown>;
    for (const [key, item] of Object.entries(value)) {
      if (this.isTooLarge) break;
      this.#bytes += key.length;
      const decoded = this.decode(item ?? emptyOf(values), values, path.key(key));
      if (decoded !== undefined) map[key] = decoded;
    }
    return map;
  }

  #decodeObject(value: unknown, fields: ReadonlyMap<string, Shape>, path: FieldPath): object | undefined {
    if (!isMapping(value)) return this.#mismatch("object", value, path);
    const decoded: [string, unknown][] = [];
    for (const [name, item] of Object.entries(value)) {
      this.#bytes += name.length;
      if (this.isTooLarge) break;
      const shape = fields.get(name);
      if (shape === undefined) this.#reportUnknown(name, fields.keys(), path);
      else if (item !== null && item !== undefined) decoded.push([name, this.decode(item, shape, path.child(name))]);
    }
    return Object.fromEntries(decoded.filter(([, item]) => item !== undefined));
  }

  #reportUnknown(name: string, known: Iterable<string>, path: FieldPath): void {
    this.#problems.unknownField(path.child(name), () => {
      const closest = findClosestWord(name, known);
      return closest === null ? "" : `Did you mean "${closest}"?`;
    });
  }

  #mismatch(expected: string, value: unknown, path: FieldPath): undefined {
    this.#problems.wrongType(path, `expected ${expected}, got ${typeName(value)}`, typeHint(expected, value));
    return undefined;
  }
}

/** True for what a JSON object becomes: neither null nor a list. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

/** The two usual causes are quotes: missing ones around 8080, true or yes, and needless ones around a number. */
function typeHint(expected: string, value: unknown): string {
  const isScalar = typeof value === "number" || typeof value === "boolean";
  if (expected === "string" && isScalar) return "Put the value in quotes.";
  if (expected !== "string" && typeof value === "string") return "Leave out the quotes.";
  return "";
}

/** What the API server's decoder puts in the place of null in a list or map. */
function emptyOf(shape: Shape): unknown {
  switch (shape.type) {
    case "string":
    case "integer-or-string":
      return "";
    case "boolean":
      return false;
    case "integer":
      return 0;
    case "list":
      return [];
    case "map":
    case "object":
    case "unread":
      return {};
  }
}
