// One object, from untrusted data to an object of the store or to what is wrong with it. Total: no data makes it throw.
import type { ObjectReference } from "../../ir/names.ts";
import { deepFreeze } from "../deep-freeze.ts";
import type { WatchedObject } from "../object-types.ts";
import { isMapping, MAX_OBJECT_BYTES, ShapeDecoder } from "./decode.ts";
import { FieldPath } from "./field-path.ts";
import type { KindDefinition } from "./kinds.ts";
import { lookUpKind } from "./kinds.ts";
import type { DecodedMeta } from "./object-meta.ts";
import { checkObjectMeta } from "./object-meta.ts";
import { printable } from "../../lib/untrusted-text.ts";
import type { Problem } from "./problem-list.ts";
import { ProblemList } from "./problem-list.ts";
import { foldStringData } from "./secret.ts";

/** What became of an object. */
export type Validation =
  /** Deeply frozen, its namespace filled in; the problems are warnings and notes. */
  | {
      readonly outcome: "accepted";
      readonly ref: ObjectReference;
      readonly object: WatchedObject;
      readonly problems: readonly Problem[];
    }
  /** The API server would refuse it, for reasons that are among the problems; `ref` is null where it has no kind or name. */
  | { readonly outcome: "refused"; readonly ref: ObjectReference | null; readonly problems: readonly Problem[] }
  /** A kind that Penstock does not read. */
  | { readonly outcome: "foreign"; readonly apiVersion: string; readonly kind: string };

/** Where a namespaced object lives that names no namespace, as with kubectl. */
const DEFAULT_NAMESPACE = "default";

/** Where identities of refused objects are shown, longer names are cut. */
const MAX_SHOWN_NAME = 253;

/** Checks an object as the API server would on creation; of its fields the result has those that the API knows and Penstock reads. */
export function validateObject(data: unknown): Validation {
  const problems = new ProblemList();
  if (!isMapping(data)) {
    problems.wrongType(FieldPath.root, `expected object, got ${describe(data)}`, "Every document holds one object.");
    return refuse(null, problems);
  }
  const { apiVersion, kind } = data;
  if (typeof kind !== "string" || kind === "" || typeof apiVersion !== "string" || apiVersion === "") {
    checkTypeMeta(data, problems);
    return refuse(null, problems);
  }
  const lookup = lookUpKind(apiVersion, kind);
  switch (lookup.found) {
    case "foreign":
      return { outcome: "foreign", apiVersion, kind };
    case "wrong-version": {
      const { message, hint } = lookup;
      const path = FieldPath.root.child("apiVersion");
      problems.add({ severity: "error", reason: "UnsupportedVersion", path, message, hint });
      return refuse(identify(data, kind, true), problems);
    }
    case "definition":
      return validateKind(data, lookup.definition, problems);
  }
}

function validateKind(
  data: Readonly<Record<string, unknown>>,
  definition: KindDefinition,
  problems: ProblemList,
): Validation {
  const ref = identify(data, definition.kind, definition.meta.isNamespaced);
  const decoder = new ShapeDecoder(problems);
  const decoded = decoder.decode(data, definition.shape, FieldPath.root);
  if (decoder.isTooLarge) {
    problems.add({
      severity: "error",
      reason: "TooLong",
      path: FieldPath.root,
      message: `Request entity too large: limit is ${MAX_OBJECT_BYTES}`,
      hint: "Split the object.",
    });
  }
  // What was decoded only in part would fail checks for what was left out.
  if (problems.hasErrors) return refuse(ref, problems);
  const object = decoded as { readonly metadata?: DecodedMeta };
  checkObjectMeta(object.metadata ?? {}, definition.meta, FieldPath.root.child("metadata"), problems);
  definition.check(object, problems);
  if (problems.hasErrors || ref === null) return refuse(ref, problems);
  return { outcome: "accepted", ref, object: finish(object, ref), problems: problems.toArray() };
}

/** The checks have made sure that every field is there that the object types do not mark as optional. */
function finish(decoded: { readonly metadata?: DecodedMeta }, ref: ObjectReference): WatchedObject {
  const metadata = ref.namespace === "" ? decoded.metadata : { ...decoded.metadata, namespace: ref.namespace };
  const object = { ...decoded, metadata } as WatchedObject;
  return deepFreeze(object.kind === "Secret" ? foldStringData(object) : object);
}

/** The identity of an object that need not be a valid one, or null where it has no name. */
function identify(
  data: Readonly<Record<string, unknown>>,
  kind: string,
  isNamespaced: boolean,
): ObjectReference | null {
  const { metadata } = data;
  if (!isMapping(metadata)) return null;
  const { name, namespace } = metadata;
  if (typeof name !== "string" || name === "") return null;
  const given = typeof namespace === "string" && namespace !== "" ? namespace : DEFAULT_NAMESPACE;
  return {
    kind,
    namespace: isNamespaced ? printable(given, MAX_SHOWN_NAME) : "",
    name: printable(name, MAX_SHOWN_NAME),
  };
}

function checkTypeMeta(data: Readonly<Record<string, unknown>>, problems: ProblemList): void {
  for (const name of ["apiVersion", "kind"]) {
    const value = data[name];
    const path = FieldPath.root.child(name);
    if (value === undefined || value === null || value === "") {
      problems.required(path, `${name} not set`, "A manifest begins with apiVersion and kind.");
    } else if (typeof value !== "string") {
      problems.wrongType(path, `expected string, got ${describe(value)}`);
    }
  }
}

function refuse(ref: ObjectReference | null, problems: ProblemList): Validation {
  return { outcome: "refused", ref, problems: problems.toArray() };
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
