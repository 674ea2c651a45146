// JSON texts to plain data, with the lines that JSON.parse cannot give. Strict (RFC 8259), linear and bounded in depth;
// a file may hold several values one after the other, as kubectl takes them.
import type { PathSegment } from "../validation/field-path.ts";
import { printable } from "../../lib/untrusted-text.ts";
import type { DuplicateKey, ParsedDocument } from "./parsed-document.ts";
import { DocumentError, LineIndex, MAX_DUPLICATE_KEYS, tooManyDocuments } from "./parsed-document.ts";
import type { ReadLimits } from "./read-limits.ts";

/** Parses every value of the text; throws a DocumentError at the first mistake. Lines count from the text's first. */
export function parseJsonDocuments(text: string, limits: ReadLimits): ParsedDocument[] {
  const lines = new LineIndex(text);
  const documents: ParsedDocument[] = [];
  const reader = new JsonReader(text, lines, limits);
  while (!reader.isAtEnd()) {
    if (documents.length >= limits.maxDocumentsPerFile) throw tooManyDocuments(lines.lineAt(reader.position), limits);
    const start = reader.position;
    const value = reader.readValue();
    const duplicateKeys = reader.takeDuplicateKeys();
    documents.push({ value, duplicateKeys, lineOf: lineFinder(text, start, lines, limits) });
  }
  return documents;
}

/** Lines are asked for where something is wrong, so the places of all values are found only then, by a second reading. */
function lineFinder(
  text: string,
  start: number,
  lines: LineIndex,
  limits: ReadLimits,
): (path: readonly PathSegment[]) => number {
  let places: Places | null = null;
  let root: unknown;
  return (path) => {
    if (places === null) {
      places = new Map();
      root = new JsonReader(text, lines, limits, { start, places }).readValue();
    }
    let value = root;
    let offset = start;
    for (const segment of path) {
      const next = typeof value === "object" && value !== null ? places.get(value)?.get(segment) : undefined;
      if (next === undefined) break;
      offset = next;
      value = Array.isArray(value) ? (value as unknown[])[segment as number] : ownValue(value, segment);
    }
    return lines.lineAt(offset);
  };
}

/** A key named `__proto__` is a key like any other. */
function setField(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function ownValue(value: unknown, segment: PathSegment): unknown {
  return (value as Readonly<Record<PathSegment, unknown>>)[segment];
}

/** For every object and array, the offsets of its keys or items. */
type Places = Map<object, Map<PathSegment, number>>;

/** White space, and what may not begin a value, is told apart by these. */
const WHITE_SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERALS: readonly (readonly [string, unknown])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];

class JsonReader {
  position: number;
  readonly #text: string;
  readonly #lines: LineIndex;
  readonly #limits: ReadLimits;
  readonly #places: Places | null;
  readonly #path: PathSegment[] = [];
  #duplicateKeys: DuplicateKey[] = [];
  #values = 0;

  constructor(
    text: string,
    lines: LineIndex,
    limits: ReadLimits,
    tracing?: { readonly start: number; readonly places: Places },
  ) {
    this.#text = text;
    this.#lines = lines;
    this.#limits = limits;
    this.position = tracing?.start ?? 0;
    this.#places = tracing?.places ?? null;
  }

  /** Passes over white space; true where nothing is left. */
  isAtEnd(): boolean {
    WHITE_SPACE.lastIndex = this.position;
    WHITE_SPACE.test(this.#text);
    this.position = WHITE_SPACE.lastIndex;
    return this.position >= this.#text.length;
  }

  takeDuplicateKeys(): readonly DuplicateKey[] {
    const taken = this.#duplicateKeys;
    this.#duplicateKeys = [];
    return taken;
  }

  readValue(): unknown {
    this.#values += 1;
    if (this.#values > this.#limits.maxJsonValues) {
      const message = `the file has more than ${this.#limits.maxJsonValues} values`;
      const line = this.#lines.lineAt(this.position);
      throw new DocumentError("DocumentTooLarge", line, { message, hint: "Divide the file." });
    }
    if (this.isAtEnd()) throw this.#error("unexpected end of JSON input");
    switch (this.#text[this.position]) {
      case "{":
        return this.#readObject();
      case "[":
        return this.#readArray();
      case '"':
        return this.#readString();
      default:
        return this.#readLiteral();
    }
  }

  #readObject(): object {
    const object: Record<string, unknown> = {};
    const places = new Map<PathSegment, number>();
    this.position += 1;
    for (let isFirst = true; !this.#ends("}", isFirst); isFirst = false) {
      const keyStart = this.position;
      if (this.#text[this.position] !== '"') throw this.#error("a key in double quotes was expected");
      const key = this.#readString();
      if (this.isAtEnd() || this.#text[this.position] !== ":") throw this.#error("a colon was expected after the key");
      this.position += 1;
      const value = this.#readNested(key);
      if (Object.hasOwn(object, key)) this.#reportDuplicate(key, keyStart);
      else setField(object, key, value);
      if (this.#places !== null && !places.has(key)) places.set(key, keyStart);
    }
    this.#places?.set(object, places);
    return object;
  }

  #readArray(): unknown[] {
    const items: unknown[] = [];
    const places = new Map<PathSegment, number>();
    this.position += 1;
    for (let isFirst = true; !this.#ends("]", isFirst); isFirst = false) {
      if (this.#places !== null) places.set(items.length, this.position);
      items.push(this.#readNested(items.length));
    }
    this.#places?.set(items, places);
    return items;
  }

  /** True at the closing bracket, which is passed over; otherwise stands at the next entry, past its comma. */
  #ends(closing: string, isFirst: boolean): boolean {
    if (this.isAtEnd()) throw this.#error("unexpected end of JSON input");
    if (this.#text[this.position] === closing) {
      this.position += 1;
      return true;
    }
    if (isFirst) return false;
    if (this.#text[this.position] !== ",") throw this.#error(`a comma or ${closing} was expected`);
    this.position += 1;
    if (this.isAtEnd()) throw this.#error("unexpected end of JSON input");
    if (this.#text[this.position] === closing) throw this.#error(`a comma stands before ${closing}`);
    return false;
  }

  #readNested(segment: PathSegment): unknown {
    this.#path.push(segment);
    if (this.#path.length > this.#limits.maxNesting) {
      const message = `nested more than ${this.#limits.maxNesting} levels deep`;
      throw new DocumentError("DocumentTooDeep", this.#lines.lineAt(this.position), { message });
    }
    const value = this.readValue();
    this.#path.pop();
    return value;
  }

  #readString(): string {
    const start = this.position;
    let end = start + 1;
    let isPlain = true;
    for (; end < this.#text.length; end += 1) {
      const code = this.#text.charCodeAt(end);
      if (code === 0x22) break;
      if (code < 0x20) {
        this.position = end;
        throw this.#error("a string ends in the middle of a line");
      }
      if (code !== 0x5c) continue;
      isPlain = false;
      end += 1;
    }
    if (end >= this.#text.length) throw this.#error("a string has no end");
    this.position = end + 1;
    if (isPlain) return this.#text.slice(start + 1, end);
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      this.position = start;
      throw this.#error("a string holds an escape that JSON does not have");
    }
  }

  #readLiteral(): unknown {
    for (const [word, value] of LITERALS) {
      if (!this.#text.startsWith(word, this.position)) continue;
      this.position += word.length;
      return value;
    }
    NUMBER.lastIndex = this.position;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#error(`unexpected ${printable(this.#text[this.position] ?? "", 1)}`);
    this.position = NUMBER.lastIndex;
    return Number(match[0]);
  }

  #reportDuplicate(key: string, keyStart: number): void {
    if (this.#duplicateKeys.length >= MAX_DUPLICATE_KEYS) return;
    this.#duplicateKeys.push({ path: [...this.#path], key, line: this.#lines.lineAt(keyStart) });
  }

  #error(message: string): DocumentError {
    return new DocumentError("InvalidJson", this.#lines.lineAt(this.position), { message });
  }
}
