// Many files to one world: which of several objects of the same name counts, and everything there is to tell. Pure.
import { isDeepStrictEqual } from "node:util";
import type { Diagnostic, SourceLocation } from "../../ir/diagnostic.ts";
import { formatName } from "../../ir/names.ts";
import type { HeldFile, HeldForeignKind, HeldObject } from "./held-file.ts";

export interface MergedFiles {
  /** One object a key. */
  readonly objects: ReadonlyMap<string, HeldObject>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Kinds that are told apart in notes; what goes beyond is nobody's folder of manifests. */
const MAX_FOREIGN_KINDS = 200;

/**
 * Merges files in the order given. The first of several objects of the same kind and name counts; the others are
 * diagnostics. What is only kept from an earlier reading gives way to any object that is really there.
 */
export function mergeFiles(files: readonly HeldFile[]): MergedFiles {
  const objects = new Map<string, HeldObject>();
  const diagnostics: Diagnostic[] = [];
  const said = new Set<string>();
  for (const file of files) {
    for (const diagnostic of file.diagnostics) {
      if (!isSaidBefore(diagnostic, said)) diagnostics.push(diagnostic);
    }
    for (const held of file.objects) {
      if (held.standing === "missing") continue;
      const first = objects.get(held.key);
      if (first === undefined) objects.set(held.key, held);
      else diagnostics.push(duplicateDiagnostic(held, first));
    }
  }
  for (const file of files) {
    for (const held of file.objects) if (!objects.has(held.key)) objects.set(held.key, held);
  }
  diagnostics.push(...foreignDiagnostics(files.flatMap((file) => file.foreignKinds)));
  return { objects, diagnostics };
}

/** Notes, unlike mistakes, are about the folder: one of each sort says it all. */
function isSaidBefore(diagnostic: Diagnostic, said: Set<string>): boolean {
  if (diagnostic.severity !== "info") return false;
  const isKnown = said.has(diagnostic.reason);
  said.add(diagnostic.reason);
  return isKnown;
}

function duplicateDiagnostic(held: HeldObject, first: HeldObject): Diagnostic {
  const isSame = isDeepStrictEqual(held.object, first.object);
  const name = `${held.ref.kind} ${formatName(held.ref)}`;
  const served = isSame ? "both are the same" : "the first is served, this one is not";
  return {
    severity: isSame ? "warning" : "error",
    reason: "DuplicateObject",
    object: held.ref,
    field: "",
    message: `${name} is in ${showLocation(first.location)} and again in ${showLocation(held.location)}: ${served}`,
    hint: "Delete one of the two, or give it another name.",
    location: held.location,
  };
}

/** One note a kind, at the first object of it. */
function foreignDiagnostics(kinds: readonly HeldForeignKind[]): Diagnostic[] {
  const notes = new Map<string, HeldForeignKind>();
  for (const kind of kinds) {
    const known = notes.get(kind.label);
    if (known !== undefined) notes.set(kind.label, { ...known, count: known.count + kind.count });
    else if (notes.size < MAX_FOREIGN_KINDS) notes.set(kind.label, kind);
  }
  return Array.from(notes.values(), ({ label, count, location }) => ({
    severity: "info",
    reason: "UnknownKind",
    object: null,
    field: "",
    message: `${label} is passed over: Penstock does not read this kind (${count} ${count === 1 ? "object" : "objects"})`,
    hint: "",
    location,
  }));
}

function showLocation(location: SourceLocation): string {
  return `${location.file}:${location.line}`;
}
