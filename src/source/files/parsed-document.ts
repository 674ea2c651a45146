// A document of a file as plain data, whatever it was written in, with the way back from a value to its line.
import type { PathSegment } from "../validation/field-path.ts";
import type { ReadLimits } from "./read-limits.ts";

export interface ParsedDocument {
  /** Plain data: null, booleans, numbers, strings, arrays and objects; parts may be shared. */
  readonly value: unknown;
  /** Keys that stand twice in one mapping; only the first value counts. Bounded. */
  readonly duplicateKeys: readonly DuplicateKey[];
  /** The line of the value at the path, or of the nearest one around it; the document's text begins on line 1. */
  readonly lineOf: (path: readonly PathSegment[]) => number;
}

export interface DuplicateKey {
  /** Of the mapping. */
  readonly path: readonly PathSegment[];
  readonly key: string;
  /** Of the second one. */
  readonly line: number;
}

/** Why a text is no document: one mistake, the first that makes sense of the rest. */
export class DocumentError extends Error {
  override readonly name = "DocumentError";
  /** Stable, PascalCase. */
  readonly reason: string;
  readonly line: number;
  readonly hint: string;

  constructor(reason: string, line: number, problem: { readonly message: string; readonly hint?: string }) {
    super(problem.message);
    this.reason = reason;
    this.line = line;
    this.hint = problem.hint ?? "";
  }
}

/** A file with more documents than are read. */
export function tooManyDocuments(line: number, limits: ReadLimits): DocumentError {
  const message = `more than ${limits.maxDocumentsPerFile} documents in one file: this one and those after it are not read`;
  return new DocumentError("TooManyDocuments", line, { message, hint: "Divide the file." });
}

/** More duplicate keys than this are passed over: the document is refused for the first. */
export const MAX_DUPLICATE_KEYS = 100;

/** Finds lines by offset in one text; the index is built when first asked for. */
export class LineIndex {
  readonly #text: string;
  #starts: number[] | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** The line, counted from 1, that holds the character at `offset`. */
  lineAt(offset: number): number {
    const starts = (this.#starts ??= lineStarts(this.#text));
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.max(1, low);
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let next = text.indexOf("\n"); next !== -1; next = text.indexOf("\n", next + 1)) starts.push(next + 1);
  return starts;
}
