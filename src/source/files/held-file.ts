// What one file holds, with what it held before where it cannot be read as a whole. Pure.
//
// A file without errors says all: what it no longer holds is deleted. A file with an error only adds and changes: an
// object that is refused keeps its last good version, and one that is missing may be the one that cannot be read.
import type { Diagnostic, SourceLocation } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import { formatName } from "../../ir/names.ts";
import type { WatchedObject } from "../object-types.ts";
import type { DocumentProblem } from "./document-reading.ts";
import type { FileReading, PlacedReading } from "./file-reading.ts";

/** An object that a file stands for. */
export interface HeldObject {
  /** Kind, namespace and name in one. */
  readonly key: string;
  readonly ref: ObjectReference;
  readonly object: WatchedObject;
  readonly location: SourceLocation;
  /** `read`: as the file has it. `refused`: the last good version. `missing`: the last one, not found in the file now. */
  readonly standing: "read" | "refused" | "missing";
}

/** Objects of a kind that is not read. */
export interface HeldForeignKind {
  readonly label: string;
  readonly count: number;
  readonly location: SourceLocation;
}

export interface HeldFile {
  readonly path: string;
  /** In the order of the file; the same object may be there twice. */
  readonly objects: readonly HeldObject[];
  readonly diagnostics: readonly Diagnostic[];
  readonly foreignKinds: readonly HeldForeignKind[];
}

const STILL_SERVED = "Its last good version is still served.";

/** Takes a new reading of a file in; `previous` is what it held until now. */
export function holdFile(
  path: string,
  reading: FileReading,
  previous: HeldFile | null,
  maxDiagnostics: number,
): HeldFile {
  const lastGood = new Map<string, HeldObject>();
  for (const held of previous?.objects ?? []) if (!lastGood.has(held.key)) lastGood.set(held.key, held);

  const objects = reading.documents.flatMap((placed) => holdDocument(path, placed, lastGood));
  const isWhole = reading.documents.every((placed) => placed.reading.isWhole);
  if (!isWhole) {
    const found = new Set(objects.map((held) => held.key));
    for (const held of lastGood.values()) if (!found.has(held.key)) objects.push({ ...held, standing: "missing" });
  }
  return {
    path,
    objects,
    diagnostics: boundDiagnostics(path, reading, { lastGood, maxDiagnostics }),
    foreignKinds: reading.documents.flatMap((placed) =>
      placed.reading.foreignKinds.map(({ label, count, line }) => ({
        label,
        count,
        location: locate(path, placed, line),
      })),
    ),
  };
}

/** A file that is gone but may come back at once, as where an editor writes a new one in its place. */
export function missingFile(held: HeldFile): HeldFile {
  return { ...held, objects: held.objects.map((object) => ({ ...object, standing: "missing" })) };
}

function holdDocument(path: string, placed: PlacedReading, lastGood: ReadonlyMap<string, HeldObject>): HeldObject[] {
  const objects: HeldObject[] = [];
  for (const { ref, object, line } of placed.reading.objects) {
    const key = keyOf(ref);
    const location = locate(path, placed, line);
    const kept = object ?? lastGood.get(key)?.object;
    if (kept === undefined) continue;
    objects.push({ key, ref, object: kept, location, standing: object === null ? "refused" : "read" });
  }
  return objects;
}

function boundDiagnostics(
  path: string,
  reading: FileReading,
  context: { readonly lastGood: ReadonlyMap<string, HeldObject>; readonly maxDiagnostics: number },
): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  let dropped = 0;
  for (const placed of reading.documents) {
    for (const problem of placed.reading.problems) {
      if (diagnostics.length < context.maxDiagnostics) {
        diagnostics.push(toDiagnostic(problem, locate(path, placed, problem.line), context.lastGood));
      } else {
        dropped += 1;
      }
    }
  }
  if (dropped > 0) {
    const message = `${dropped} more problems of this file are not shown`;
    diagnostics.push(fileDiagnostic(path, { severity: "error", reason: "TooManyProblems", message }));
  }
  return diagnostics;
}

/** A diagnostic of a file as a whole. */
export function fileDiagnostic(
  path: string,
  content: Pick<Diagnostic, "severity" | "reason" | "message"> & { readonly hint?: string },
): Diagnostic {
  const { severity, reason, message, hint = "" } = content;
  const location = { file: path, document: 1, line: 1 };
  return { severity, reason, object: null, field: "", message, hint, location };
}

function toDiagnostic(
  problem: DocumentProblem,
  location: SourceLocation,
  lastGood: ReadonlyMap<string, HeldObject>,
): Diagnostic {
  const { severity, reason, object, field, message } = problem;
  const isKept = severity === "error" && (object === null ? lastGood.size > 0 : lastGood.has(keyOf(object)));
  const note = object === null ? "What was last read from this file is still served." : STILL_SERVED;
  const hint = [problem.hint, isKept ? note : ""].filter((part) => part !== "").join(" ");
  return { severity, reason, object, field, message, hint, location };
}

function locate(path: string, placed: PlacedReading, line: number): SourceLocation {
  return { file: path, document: placed.document, line: placed.firstLine + line - 1 };
}

function keyOf(ref: ObjectReference): string {
  return `${ref.kind} ${formatName(ref)}`;
}
