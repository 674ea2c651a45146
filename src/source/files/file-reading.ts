// One file to the readings of its documents. Opens and reads, keeps to the limits, and gives other work a turn in between.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { decodeText } from "./decode-text.ts";
import type { DocumentReading } from "./document-reading.ts";
import { readDocument, unreadableDocument } from "./document-reading.ts";
import { describeFileError } from "./file-error.ts";
import { parseJsonDocuments } from "./json-document.ts";
import { DocumentError, tooManyDocuments } from "./parsed-document.ts";
import type { ReadLimits } from "./read-limits.ts";
import { splitDocuments } from "./split-documents.ts";
import { parseYamlDocument } from "./yaml-document.ts";

/** A document where it stands in its file. */
export interface PlacedReading {
  /** Counted from 1. */
  readonly document: number;
  /** The file's line on which the document's text begins, counted from 1. */
  readonly firstLine: number;
  readonly reading: DocumentReading;
}

export interface FileReading {
  readonly bytes: number;
  readonly documents: readonly PlacedReading[];
  /** By digest of their text: a document that did not change is not parsed again. */
  readonly byDigest: ReadonlyMap<string, DocumentReading>;
}

/** The main thread is never kept longer than this by a file of many documents. */
const TURN_MS = 10;

/** Reads a file. Whatever is wrong with it is in the result; `previous` lends what it read of unchanged documents. */
export async function readManifestFile(
  path: string,
  limits: ReadLimits,
  previous: FileReading | null = null,
): Promise<FileReading> {
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(path, limits.maxFileBytes);
  } catch (error) {
    return unreadableFile(
      error instanceof DocumentError
        ? error
        : new DocumentError("FileUnreadable", 1, { message: `cannot be read: ${describeFileError(error)}` }),
    );
  }
  return readManifestBytes(path, bytes, limits, previous);
}

/** As `readManifestFile`, of bytes that are there already; `path` says by its ending what they are. */
export async function readManifestBytes(
  path: string,
  bytes: Uint8Array,
  limits: ReadLimits,
  previous: FileReading | null = null,
): Promise<FileReading> {
  let text: string;
  try {
    text = decodeText(bytes);
  } catch (error) {
    return { ...unreadableFile(asDocumentError(error)), bytes: bytes.byteLength };
  }
  const isJson = path.toLowerCase().endsWith(".json");
  // kubectl looks at the first character, whatever the name says.
  const documents = isJson || /^\s*\{/.test(text) ? readJson(text, limits, isJson) : null;
  if (documents !== null) return { bytes: bytes.byteLength, documents, byDigest: new Map() };
  return { bytes: bytes.byteLength, ...(await readYaml(text, limits, previous)) };
}

/** A reading that says only why there is nothing to read. */
function unreadableFile(error: DocumentError): FileReading {
  const reading = unreadableDocument(error);
  return { bytes: 0, documents: [{ document: 1, firstLine: 1, reading }], byDigest: new Map() };
}

/** Null where the text is no JSON and need not be: flow mappings of YAML begin with the same character. */
function readJson(text: string, limits: ReadLimits, isRequired: boolean): PlacedReading[] | null {
  try {
    const parsed = parseJsonDocuments(text, limits);
    return parsed.map((document, position) => ({
      document: position + 1,
      firstLine: 1,
      reading: readDocument(document, limits),
    }));
  } catch (error) {
    if (!isRequired) return null;
    return [{ document: 1, firstLine: 1, reading: unreadableDocument(asDocumentError(error)) }];
  }
}

async function readYaml(
  text: string,
  limits: ReadLimits,
  previous: FileReading | null,
): Promise<Pick<FileReading, "documents" | "byDigest">> {
  const documents: PlacedReading[] = [];
  const byDigest = new Map<string, DocumentReading>();
  let turnStart = performance.now();
  for (const part of splitDocuments(text, limits.maxDocumentsPerFile + 1)) {
    const document = documents.length + 1;
    if (document > limits.maxDocumentsPerFile) {
      const reading = unreadableDocument(tooManyDocuments(1, limits));
      documents.push({ document, firstLine: part.firstLine, reading });
      break;
    }
    const digest = createHash("sha256").update(part.text).digest("base64");
    const reading = byDigest.get(digest) ?? previous?.byDigest.get(digest) ?? readYamlPart(part.text, limits);
    byDigest.set(digest, reading);
    documents.push({ document, firstLine: part.firstLine, reading });
    if (performance.now() - turnStart > TURN_MS) {
      await nextTurn();
      turnStart = performance.now();
    }
  }
  return { documents, byDigest };
}

function readYamlPart(text: string, limits: ReadLimits): DocumentReading {
  try {
    return readDocument(parseYamlDocument(text, limits), limits);
  } catch (error) {
    return unreadableDocument(asDocumentError(error));
  }
}

/** A bug in a parser must cost one document, not the process; it is told of like any other text that cannot be read. */
function asDocumentError(error: unknown): DocumentError {
  if (error instanceof DocumentError) return error;
  return new DocumentError("DocumentUnreadable", 1, { message: "the document cannot be read" });
}

/** Opens without waiting, so that a pipe in the place of a file holds nobody up. */
async function readBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new DocumentError("FileUnreadable", 1, { message: "not a regular file" });
    if (status.size > maxBytes) throw tooLarge(status.size, maxBytes);
    return await readUpTo(handle, status.size, maxBytes);
  } finally {
    await handle.close();
  }
}

/** The size of a file is a hint: it may grow while it is read, and those of /proc have none. */
async function readUpTo(handle: FileHandle, expectedBytes: number, maxBytes: number): Promise<Uint8Array> {
  let buffer = Buffer.allocUnsafe(Math.max(expectedBytes, 4096) + 1);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
    filled += bytesRead;
    if (bytesRead === 0) return buffer.subarray(0, filled);
    if (filled > maxBytes) throw tooLarge(filled, maxBytes);
    if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
  }
}

function tooLarge(bytes: number, maxBytes: number): DocumentError {
  const message = `${bytes} bytes are more than the ${maxBytes} that a file may have`;
  return new DocumentError("FileTooLarge", 1, { message, hint: "Divide the file." });
}
