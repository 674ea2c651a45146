// From one parsed document to the objects in it and what is wrong with them. Lines count from the document's text,
// so that a reading stays true when the document moves within its file.
import { isDeepStrictEqual } from "node:util";
import type { Severity } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import { printable, quoteText } from "../../lib/untrusted-text.ts";
import type { WatchedObject } from "../object-types.ts";
import { isMapping } from "../validation/decode.ts";
import type { PathSegment } from "../validation/field-path.ts";
import { FieldPath } from "../validation/field-path.ts";
import { itemKindOf } from "../validation/kinds.ts";
import { validateObject } from "../validation/validate-object.ts";
import type { DocumentError, DuplicateKey, ParsedDocument } from "./parsed-document.ts";
import type { ReadLimits } from "./read-limits.ts";

/** A mistake in a document; `line` counts from the document's text. */
export interface DocumentProblem {
  readonly severity: Severity;
  readonly reason: string;
  readonly object: ObjectReference | null;
  readonly field: string;
  readonly message: string;
  readonly hint: string;
  readonly line: number;
}

/** An object of a document; null where it is refused. */
export interface DocumentObject {
  readonly ref: ObjectReference;
  readonly object: WatchedObject | null;
  readonly line: number;
}

/** Objects of a kind that Penstock does not read. */
export interface ForeignKind {
  /** `Deployment (apps/v1)`. */
  readonly label: string;
  readonly count: number;
  /** Of the first one. */
  readonly line: number;
}

export interface DocumentReading {
  readonly objects: readonly DocumentObject[];
  readonly problems: readonly DocumentProblem[];
  readonly foreignKinds: readonly ForeignKind[];
  /** False where an object is missing or refused: what was here before may still be meant. */
  readonly isWhole: boolean;
}

/** Lists inside lists; kubectl writes none. */
const MAX_LIST_DEPTH = 4;
/** Kinds that are told apart in the notes of one document. */
const MAX_FOREIGN_KINDS = 200;
const MAX_SHOWN = 100;

/** Reads all objects of a document, those of Lists too. Total. */
export function readDocument(document: ParsedDocument, limits: ReadLimits): DocumentReading {
  const reader = new DocumentReader(document, limits);
  reader.read(document.value, [], 0);
  return reader.finish();
}

/** The reading of a text that is no document. */
export function unreadableDocument(error: DocumentError): DocumentReading {
  const { reason, message, hint, line } = error;
  const problem: DocumentProblem = { severity: "error", reason, object: null, field: "", message, hint, line };
  return { objects: [], problems: [problem], foreignKinds: [], isWhole: false };
}

class DocumentReader {
  readonly #document: ParsedDocument;
  readonly #limits: ReadLimits;
  readonly #objects: DocumentObject[] = [];
  readonly #problems: DocumentProblem[] = [];
  readonly #foreignKinds = new Map<string, ForeignKind>();
  readonly #unclaimed: Set<DuplicateKey>;
  #count = 0;

  constructor(document: ParsedDocument, limits: ReadLimits) {
    this.#document = document;
    this.#limits = limits;
    this.#unclaimed = new Set(document.duplicateKeys);
  }

  finish(): DocumentReading {
    // What is left stands outside of every object, in a List's own fields.
    for (const duplicate of this.#unclaimed) this.#problems.push(duplicateProblem(duplicate, null, 0));
    return {
      objects: this.#objects,
      problems: this.#problems,
      foreignKinds: Array.from(this.#foreignKinds.values()),
      isWhole: this.#problems.every((problem) => problem.severity !== "error"),
    };
  }

  read(value: unknown, path: readonly PathSegment[], listDepth: number): void {
    // An empty document: nothing between two separators.
    if (value === null && path.length === 0) return;
    if (isList(value) && listDepth < MAX_LIST_DEPTH) {
      const { items, apiVersion, kind } = value;
      const itemKind = itemKindOf(kind);
      for (const [position, item] of items.entries()) {
        if (this.#count >= this.#limits.maxObjectsPerFile) break;
        // Typed lists leave out of their items what the list's own kind says.
        const isBare = itemKind !== null && isMapping(item) && item["kind"] === undefined;
        const full = isBare ? { apiVersion, ...item, kind: itemKind } : item;
        this.read(full, [...path, "items", position], listDepth + 1);
      }
      return;
    }
    this.#readObject(value, path);
  }

  #readObject(value: unknown, path: readonly PathSegment[]): void {
    this.#count += 1;
    if (this.#count >= this.#limits.maxObjectsPerFile) {
      this.#reportTooMany(path);
      return;
    }
    const validation = validateObject(value);
    if (validation.outcome === "foreign") {
      this.#noteForeign(validation.apiVersion, validation.kind, path);
      this.#claimDuplicates(path);
      return;
    }
    const { ref } = validation;
    for (const problem of validation.problems) {
      const { severity, reason, message, hint } = problem;
      const line = this.#document.lineOf([...path, ...problem.path.segments()]);
      this.#problems.push({ severity, reason, object: ref, field: problem.path.toString(), message, hint, line });
    }
    const duplicates = this.#claimDuplicates(path);
    for (const duplicate of duplicates) this.#problems.push(duplicateProblem(duplicate, ref, path.length));
    if (ref === null) return;
    const isAccepted = validation.outcome === "accepted" && duplicates.length === 0;
    const object = isAccepted ? validation.object : null;
    this.#objects.push({ ref, object, line: this.#document.lineOf(path) });
  }

  #claimDuplicates(path: readonly PathSegment[]): DuplicateKey[] {
    const claimed = Array.from(this.#unclaimed).filter((duplicate) =>
      isDeepStrictEqual(duplicate.path.slice(0, path.length), path),
    );
    for (const duplicate of claimed) this.#unclaimed.delete(duplicate);
    return claimed;
  }

  #noteForeign(apiVersion: string, kind: string, path: readonly PathSegment[]): void {
    const label = printable(`${kind} (${apiVersion})`, MAX_SHOWN);
    const known = this.#foreignKinds.get(label);
    if (known !== undefined) this.#foreignKinds.set(label, { ...known, count: known.count + 1 });
    else if (this.#foreignKinds.size < MAX_FOREIGN_KINDS) {
      this.#foreignKinds.set(label, { label, count: 1, line: this.#document.lineOf(path) });
    }
  }

  #reportTooMany(path: readonly PathSegment[]): void {
    this.#problems.push({
      severity: "error",
      reason: "TooManyObjects",
      object: null,
      field: "",
      message: `more than ${this.#limits.maxObjectsPerFile} objects in one file: this one and those after it are not read`,
      hint: "Divide the file.",
      line: this.#document.lineOf(path),
    });
  }
}

interface ListDocument {
  readonly apiVersion: unknown;
  readonly kind: string;
  readonly items: readonly unknown[];
}

/** `List` of v1, and the typed lists that the API answers with. */
function isList(value: unknown): value is ListDocument {
  return (
    isMapping(value) &&
    typeof value["kind"] === "string" &&
    value["kind"].endsWith("List") &&
    Array.isArray(value["items"])
  );
}

function duplicateProblem(duplicate: DuplicateKey, object: ObjectReference | null, depth: number): DocumentProblem {
  let field = FieldPath.root;
  for (const segment of [...duplicate.path.slice(depth), duplicate.key]) {
    field = typeof segment === "number" ? field.index(segment) : field.child(segment);
  }
  return {
    severity: "error",
    reason: "DuplicateKey",
    object,
    field: field.toString(),
    message: `key ${quoteText(duplicate.key)} already set in map`,
    hint: "Delete one of the two.",
    line: duplicate.line,
  };
}
