// Objects by name. Two objects of one kind and name, which only files can hold, come down to one in any order of reading.
import type { Diagnostic } from "../ir/diagnostic.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import type { WatchedKind } from "../source/object-types.ts";
import { diagnose, problem } from "./diagnose.ts";
import type { Problem } from "./diagnose.ts";
import { identifyObject } from "./object-identity.ts";
import type { Identified } from "./object-identity.ts";
import { asList } from "./untyped.ts";

/** By `namespace/name`, or by name for cluster-scoped kinds. */
export type ObjectIndex<T extends object> = ReadonlyMap<string, Identified<T>>;

export interface IndexReading<T extends object> {
  readonly index: ObjectIndex<T>;
  readonly diagnostics: readonly Diagnostic[];
}

const readings = new WeakMap<object, IndexReading<object>>();

/**
 * Objects without a valid name are left out with a diagnostic, and so is the younger of two with the same name.
 * A frozen list is read once: a source keeps the list of a kind for as long as nothing in it changes.
 */
export function indexObjects<T extends object>(objects: readonly T[], kind: WatchedKind): IndexReading<T> {
  const list = asList(objects) as readonly T[];
  let reading = readings.get(list);
  if (reading === undefined) {
    reading = readIndex(list, kind);
    // An empty list may be one and the same for several kinds, which does no harm; a list that can change is no key.
    if (Object.isFrozen(list)) readings.set(list, reading);
  }
  return reading as IndexReading<T>;
}

function readIndex<T extends object>(objects: readonly T[], kind: WatchedKind): IndexReading<T> {
  const index = new Map<string, Identified<T>>();
  const diagnostics: Diagnostic[] = [];
  for (const object of objects) {
    const identified = identifyObject(object, kind);
    if (identified === null) {
      diagnostics.push(diagnose({ object: null, field: "metadata.name" }, nameInvalid(kind)));
      continue;
    }
    const known = index.get(identified.key);
    if (known === undefined || (known !== identified && isPreferred(identified, known))) {
      index.set(identified.key, identified);
    }
    if (known !== undefined && known !== identified) {
      diagnostics.push(diagnose({ object: identified.reference, field: "metadata.name" }, duplicate(kind)));
    }
  }
  return { index, diagnostics };
}

/** The older one; among equals the one whose text sorts first, which is arbitrary but the same every time. */
function isPreferred(candidate: Identified<object>, known: Identified<object>): boolean {
  if (candidate.createdAtMs !== known.createdAtMs) return candidate.createdAtMs < known.createdAtMs;
  return compareStrings(textOf(candidate.object), textOf(known.object)) < 0;
}

function textOf(object: object): string {
  try {
    return JSON.stringify(object) ?? "";
  } catch {
    // Cycles and big integers: no JSON or YAML holds them, so any order will do.
    return "";
  }
}

function nameInvalid(kind: WatchedKind): Problem {
  const message = `An object of kind ${kind} has no valid name or namespace and is left out.`;
  return problem("error", "ObjectNameInvalid", message, "Use lower-case letters, digits, '-' and '.'.");
}

function duplicate(kind: WatchedKind): Problem {
  const message = `There are several objects of kind ${kind} with this name; only one of them counts.`;
  return problem("warning", "DuplicateObject", message, "Remove the others or rename them.");
}
