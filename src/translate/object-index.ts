// Objects by name. Two objects of one kind and name, which only files can hold, come down to one in any order of reading.
import type { Diagnostic } from "../ir/diagnostic.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import type { WatchedKind } from "../source/object-types.ts";
import { diagnose, problem } from "./diagnose.ts";
import { identifyObject } from "./object-identity.ts";
import type { ObjectIdentity } from "./object-identity.ts";
import { asList } from "./untyped.ts";

/** By `namespace/name`, or by name for cluster-scoped kinds. */
export type ObjectIndex<T> = ReadonlyMap<string, T>;

/** Objects without a valid name are left out with a diagnostic, and so is the younger of two with the same name. */
export function indexObjects<T extends object>(
  objects: readonly T[],
  kind: WatchedKind,
  diagnostics: Diagnostic[],
): ObjectIndex<T> {
  const index = new Map<string, T>();
  for (const object of asList(objects) as readonly T[]) {
    const identity = identifyObject(object, kind);
    if (identity === null) {
      diagnostics.push(diagnose({ object: null, field: "metadata.name" }, nameInvalid(kind)));
      continue;
    }
    const known = index.get(identity.key);
    if (known === undefined) {
      index.set(identity.key, object);
    } else if (known !== object) {
      if (isPreferred(object, identity, known)) index.set(identity.key, object);
      diagnostics.push(diagnose({ object: identity.reference, field: "metadata.name" }, duplicate(kind)));
    }
  }
  return index;
}

/** The older one; among equals the one whose text sorts first, which is arbitrary but the same every time. */
function isPreferred(object: object, identity: ObjectIdentity, known: object): boolean {
  const knownIdentity = identifyObject(known, identity.reference.kind as WatchedKind);
  const knownCreatedAtMs = knownIdentity?.createdAtMs ?? Number.POSITIVE_INFINITY;
  if (identity.createdAtMs !== knownCreatedAtMs) return identity.createdAtMs < knownCreatedAtMs;
  return compareStrings(textOf(object), textOf(known)) < 0;
}

function textOf(object: object): string {
  try {
    return JSON.stringify(object) ?? "";
  } catch {
    // Cycles and big integers: no JSON or YAML holds them, so any order will do.
    return "";
  }
}

function nameInvalid(kind: WatchedKind): ReturnType<typeof problem> {
  return problem(
    "error",
    "ObjectNameInvalid",
    `An object of kind ${kind} has no valid name or namespace and is left out.`,
    "Use lower-case letters, digits, '-' and '.'.",
  );
}

function duplicate(kind: WatchedKind): ReturnType<typeof problem> {
  return problem(
    "warning",
    "DuplicateObject",
    `There are several objects of kind ${kind} with this name; only one of them counts.`,
    "Remove the others or rename them.",
  );
}
