// Finds the line of an object's field in the file that the object came from, for diagnostics that know the field only.
import { readFile } from "node:fs/promises";
import type { SourceLocation } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import { decodeText } from "../../source/files/decode-text.ts";
import { parseJsonDocuments } from "../../source/files/json-document.ts";
import type { ParsedDocument } from "../../source/files/parsed-document.ts";
import { DEFAULT_READ_LIMITS } from "../../source/files/read-limits.ts";
import { splitDocuments } from "../../source/files/split-documents.ts";
import { parseYamlDocument } from "../../source/files/yaml-document.ts";

type PathSegment = string | number;

/** A document with the file's line on which its text begins. */
interface PlacedDocument {
  readonly document: ParsedDocument;
  readonly firstLine: number;
}

/** Lists inside lists that are searched for an object. */
const MAX_LIST_DEPTH = 4;

export class FieldLocator {
  readonly #files = new Map<string, Promise<readonly (PlacedDocument | null)[]>>();

  /**
   * The place of `field` in an object that stands at `location`; the object's own place where the file does not show it
   * (any more). Never rejects.
   */
  async locate(object: ObjectReference, field: string, location: SourceLocation): Promise<SourceLocation> {
    let documents = this.#files.get(location.file);
    if (documents === undefined) {
      documents = readDocuments(location.file);
      this.#files.set(location.file, documents);
    }
    const placed = (await documents)[location.document - 1] ?? null;
    if (placed === null || field === "") return location;
    const path = findObject(placed.document.value, object, 0);
    if (path === null) return location;
    const line = placed.firstLine - 1 + placed.document.lineOf([...path, ...splitField(field)]);
    return { ...location, line: Math.max(line, location.line) };
  }
}

async function readDocuments(file: string): Promise<readonly (PlacedDocument | null)[]> {
  try {
    const text = decodeText(await readFile(file));
    if (/^\s*\{/.test(text)) {
      return parseJsonDocuments(text, DEFAULT_READ_LIMITS).map((document) => ({ document, firstLine: 1 }));
    }
    return Array.from(splitDocuments(text), ({ text: part, firstLine }) => readPart(part, firstLine));
  } catch {
    // It was readable a moment ago; who changed it meanwhile gets the lines of then.
    return [];
  }
}

function readPart(text: string, firstLine: number): PlacedDocument | null {
  try {
    return { document: parseYamlDocument(text, DEFAULT_READ_LIMITS), firstLine };
  } catch {
    return null;
  }
}

/** The path from the document's root to the object, through List kinds. */
function findObject(value: unknown, wanted: ObjectReference, depth: number): readonly PathSegment[] | null {
  if (!isRecord(value)) return null;
  const { kind, metadata, items } = value;
  if (kind === wanted.kind && isRecord(metadata) && metadata["name"] === wanted.name) {
    const { namespace = wanted.namespace } = metadata;
    if (namespace === wanted.namespace) return [];
  }
  if (!Array.isArray(items) || depth >= MAX_LIST_DEPTH) return null;
  for (const [position, item] of items.entries()) {
    const path = findObject(item, wanted, depth + 1);
    if (path !== null) return ["items", position, ...path];
  }
  return null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `spec.rules[0].host` as steps; what stands in brackets is an index or, unless it is a number, a key. */
function splitField(field: string): PathSegment[] {
  const segments: PathSegment[] = [];
  for (const [, name, bracketed] of field.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    if (name !== undefined) segments.push(name);
    else if (bracketed !== undefined) segments.push(/^\d{1,9}$/.test(bracketed) ? Number(bracketed) : bracketed);
  }
  return segments;
}
