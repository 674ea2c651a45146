// One YAML document to plain data, with kubectl's reading of YAML (1.2 with the booleans and merge keys of 1.1).
// Bounded: tokens and nesting are counted while the text is read, aliases while it is converted.
import type { Alias, Document, Node, Scalar, YAMLError, YAMLMap, YAMLSeq } from "yaml";
import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, Parser } from "yaml";
import type { PathSegment } from "../validation/field-path.ts";
import { printable } from "../../lib/untrusted-text.ts";
import type { DuplicateKey, ParsedDocument } from "./parsed-document.ts";
import { DocumentError, LineIndex, MAX_DUPLICATE_KEYS } from "./parsed-document.ts";
import type { ReadLimits } from "./read-limits.ts";

/** Duplicate keys are found here, in linear time; the library compares every key with every other. */
const COMPOSE_OPTIONS = {
  // Named, so that a `%YAML 1.1` line cannot bring in dates and sets.
  schema: "core",
  prettyErrors: false,
  logLevel: "silent",
  uniqueKeys: false,
  stringKeys: true,
  resolveKnownTags: false,
  merge: false,
} as const;

/** What YAML 1.1, and with it kubectl, takes for booleans besides `true` and `false`. */
const OLD_BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"].map((word) => [word, true] as const),
  ...["n", "N", "no", "No", "NO", "off", "Off", "OFF"].map((word) => [word, false] as const),
]);

/** What to do about the mistakes that people make most. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ["TAB_AS_INDENT", "Indent with spaces, not with tabs."],
  ["BAD_INDENT", "Indent it like the lines that belong to the same mapping or list."],
  ["BLOCK_AS_IMPLICIT_KEY", 'Put a value that holds ": " in quotes.'],
  ["MISSING_CHAR", "Close what was opened before this line, or put the value in quotes."],
  ["BAD_SCALAR_START", "Put the value in quotes."],
  ["TAG_RESOLVE_FAILED", "Leave the tag out: manifests have none."],
  ["NON_STRING_KEY", "Write a plain word as key."],
]);

/** Parses the text of one document; throws a DocumentError for what is not YAML or goes over a limit. */
export function parseYamlDocument(text: string, limits: ReadLimits): ParsedDocument {
  const lines = new LineIndex(text);
  const document = compose(text, lines, limits);
  const converter = new Converter(document, lines, limits);
  const value = converter.convert();
  return {
    value,
    duplicateKeys: converter.duplicateKeys,
    lineOf: (path) => lines.lineAt(offsetOf(document.contents, path, converter.anchored)),
  };
}

function compose(text: string, lines: LineIndex, limits: ReadLimits): Document.Parsed {
  const parser = new Parser();
  const composer = new Composer(COMPOSE_OPTIONS);
  const documents: Document.Parsed[] = [];
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens += 1;
    const hint = "Cut it into several documents with ---, or write it as JSON.";
    if (tokens > limits.maxYamlTokens) {
      const message = `the document has more than ${limits.maxYamlTokens} tokens`;
      throw new DocumentError("DocumentTooLarge", lines.lineAt(parser.offset), { message, hint });
    }
    // A level of nesting is one token on the parser's stack, or two where a list's item holds a mapping.
    if (parser.stack.length > 2 * limits.maxNesting) {
      throw tooDeep(lines.lineAt(parser.offset), limits);
    }
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(true, text.length));
  const [document, second] = documents;
  if (document === undefined || second !== undefined) {
    throw new DocumentError("InvalidYaml", 1, { message: "more than one document without --- between them" });
  }
  // An unknown tag is a warning to the library and would be dropped without a word.
  const error = document.errors[0] ?? document.warnings[0];
  if (error !== undefined) throw syntaxError(error, text, lines);
  return document;
}

function syntaxError(error: YAMLError, text: string, lines: LineIndex): DocumentError {
  // Behind a colon the library quotes the text, which could be a Secret's.
  const message = printable(error.message.replace(/: ".*$/s, ""), 200);
  const isTemplate = text.includes("{{");
  const hint = isTemplate ? "Render the template first: this is not YAML yet." : (HINTS.get(error.code) ?? "");
  // What has no end is noticed at the end, behind the last line.
  const offset = Math.min(error.pos[0], text.trimEnd().length);
  return new DocumentError("InvalidYaml", lines.lineAt(offset), { message, hint });
}

function tooDeep(line: number, limits: ReadLimits): DocumentError {
  return new DocumentError("DocumentTooDeep", line, { message: `nested more than ${limits.maxNesting} levels deep` });
}

/** A converted value and how many values it is made of, aliases counted as what they stand for. */
interface Converted {
  readonly value: unknown;
  readonly size: number;
}

const NULL: Converted = { value: null, size: 1 };

/** Turns the nodes of one document into plain data. Aliases share the value that they name: nothing is copied. */
class Converter {
  readonly duplicateKeys: DuplicateKey[] = [];
  readonly anchored = new Map<string, Node>();
  readonly #values = new Map<string, Converted>();
  readonly #path: PathSegment[] = [];
  readonly #document: Document.Parsed;
  readonly #lines: LineIndex;
  readonly #limits: ReadLimits;
  #aliasedValues = 0;

  constructor(document: Document.Parsed, lines: LineIndex, limits: ReadLimits) {
    this.#document = document;
    this.#lines = lines;
    this.#limits = limits;
  }

  convert(): unknown {
    return this.#convert(this.#document.contents).value;
  }

  #convert(node: Node | null | undefined): Converted {
    if (node === null || node === undefined) return NULL;
    if (isAlias(node)) return this.#convertAlias(node);
    if (this.#path.length > this.#limits.maxNesting) throw tooDeep(this.#lineOf(node), this.#limits);
    const converted = this.#convertValue(node);
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) {
      this.#values.set(anchor, converted);
      this.anchored.set(anchor, node);
    }
    return converted;
  }

  #convertValue(node: Node): Converted {
    if (isScalar(node)) return { value: scalarValue(node), size: 1 };
    if (isMap(node)) return this.#convertMap(node);
    if (isSeq(node)) return this.#convertList(node);
    return NULL;
  }

  #convertAlias(node: Alias): Converted {
    const target = this.#values.get(node.source);
    if (target === undefined) {
      const message = `the alias *${printable(node.source, 80)} has no anchor before it`;
      throw new DocumentError("InvalidYaml", this.#lineOf(node), { message });
    }
    this.#aliasedValues += target.size;
    if (this.#aliasedValues > this.#limits.maxAliasedValues) {
      const message = `aliases stand for more than ${this.#limits.maxAliasedValues} values`;
      throw new DocumentError("DocumentTooLarge", this.#lineOf(node), { message, hint: "Write the values out." });
    }
    return target;
  }

  #convertList(node: YAMLSeq): Converted {
    const value: unknown[] = [];
    let size = 1;
    for (const [position, item] of node.items.entries()) {
      this.#path.push(position);
      const converted = this.#convert(item as Node | null);
      this.#path.pop();
      value.push(converted.value);
      size += converted.size;
    }
    return { value, size };
  }

  #convertMap(node: YAMLMap): Converted {
    const own = new Map<string, unknown>();
    const merged = new Map<string, unknown>();
    let size = 1;
    for (const pair of node.items) {
      const keyNode = pair.key as Node | null;
      const key = keyOf(keyNode);
      this.#path.push(key);
      const converted = this.#convert(pair.value as Node | null);
      this.#path.pop();
      size += converted.size;
      if (isMergeKey(keyNode)) this.#merge(merged, converted.value, keyNode);
      else if (own.has(key)) this.#reportDuplicate(key, keyNode);
      else own.set(key, converted.value);
    }
    // `Object.fromEntries` defines fields: a key named `__proto__` is a key like any other.
    return { value: Object.fromEntries([...merged, ...own]), size };
  }

  /** A merge key lends the fields of one mapping or of a list of them; the first to name a field wins. */
  #merge(merged: Map<string, unknown>, source: unknown, node: Node | null): void {
    for (const mapping of Array.isArray(source) ? (source as unknown[]) : [source]) {
      if (typeof mapping !== "object" || mapping === null || Array.isArray(mapping)) {
        const line = this.#lineOf(node);
        throw new DocumentError("InvalidYaml", line, {
          message: "map merge requires map or sequence of maps as the value",
        });
      }
      for (const [key, value] of Object.entries(mapping)) if (!merged.has(key)) merged.set(key, value);
    }
  }

  #reportDuplicate(key: string, node: Node | null): void {
    if (this.duplicateKeys.length >= MAX_DUPLICATE_KEYS) return;
    this.duplicateKeys.push({ path: [...this.#path], key, line: this.#lineOf(node) });
  }

  #lineOf(node: Node | null): number {
    return this.#lines.lineAt(node?.range?.[0] ?? 0);
  }
}

function scalarValue(node: Scalar): unknown {
  const { value } = node;
  if (typeof value !== "string" || node.type !== "PLAIN" || node.tag !== undefined) return value;
  return OLD_BOOLEANS.get(value) ?? value;
}

function keyOf(node: Node | null): string {
  return isScalar(node) ? String(node.value) : "";
}

function isMergeKey(node: Node | null): boolean {
  return isScalar(node) && node.type === "PLAIN" && node.value === "<<";
}

/** The offset of the key or list item that the path ends at, or of the last one on the way that exists. */
function offsetOf(root: Node | null, path: readonly PathSegment[], anchored: ReadonlyMap<string, Node>): number {
  let node = resolveAlias(root, anchored);
  let offset = startOf(node) ?? 0;
  for (const segment of path) {
    let next: Node | null = null;
    if (isMap(node)) {
      const pair = node.items.find((item) => keyOf(item.key as Node | null) === segment);
      if (pair === undefined) break;
      offset = startOf(pair.key as Node | null) ?? offset;
      next = pair.value as Node | null;
    } else if (isSeq(node) && typeof segment === "number") {
      next = (node.items[segment] ?? null) as Node | null;
      offset = startOf(next) ?? offset;
    } else {
      break;
    }
    node = resolveAlias(next, anchored);
  }
  return offset;
}

function resolveAlias(node: Node | null, anchored: ReadonlyMap<string, Node>): Node | null {
  return isAlias(node) ? (anchored.get(node.source) ?? null) : node;
}

function startOf(node: Node | null): number | null {
  return node?.range?.[0] ?? null;
}
