// The metadata that every object has. Facts: apimachinery's api/validation, Kubernetes 1.37.
import type { ObjectMeta } from "../object-types.ts";
import type { Partially } from "./decode.ts";
import type { FieldPath } from "./field-path.ts";
import { dnsLabelErrors, labelValueErrors, qualifiedNameErrors } from "./name-rules.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Shape } from "./shape.ts";
import { INT64, objectOf, STRING, STRING_MAP } from "./shape.ts";

/** Keys and values of all annotations of an object together. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Date, time, fraction and zone; whether the numbers name a day that exists is Date's to say. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

export const OBJECT_META: Shape = objectOf(
  {
    name: STRING,
    generateName: STRING,
    namespace: STRING,
    uid: STRING,
    resourceVersion: STRING,
    generation: INT64,
    creationTimestamp: STRING,
    labels: STRING_MAP,
    annotations: STRING_MAP,
  },
  ["managedFields", "ownerReferences", "finalizers", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"],
);

export type DecodedMeta = Partially<ObjectMeta> & { readonly generateName?: string };

/** What differs between kinds. */
export interface MetaRules {
  readonly isNamespaced: boolean;
  /** What is wrong with an object's name. */
  readonly nameErrors: (name: string) => readonly string[];
}

/** Checks the metadata of one object; the namespace may be missing where `default` will be filled in. */
export function checkObjectMeta(meta: DecodedMeta, rules: MetaRules, path: FieldPath, problems: ProblemList): void {
  checkName(meta, rules, path, problems);
  checkNamespace(meta, rules, path.child("namespace"), problems);
  if (meta.generation !== undefined && meta.generation < 0) {
    problems.invalid(path.child("generation"), meta.generation, { detail: "must be greater than or equal to 0" });
  }
  const created = meta.creationTimestamp;
  if (created !== undefined && !isTimestamp(created)) {
    const detail = "must be a time of RFC 3339";
    problems.invalid(path.child("creationTimestamp"), created, { detail, hint: "Leave it out." });
  }
  checkLabels(meta.labels, path.child("labels"), problems);
  checkAnnotations(meta.annotations, path.child("annotations"), problems);
}

/** Checks keys and values of labels or of a label selector. */
export function checkLabels(
  labels: Readonly<Record<string, string | undefined>> | undefined,
  path: FieldPath,
  problems: ProblemList,
): void {
  for (const [key, value = ""] of Object.entries(labels ?? {})) {
    problems.invalidEach(path, key, qualifiedNameErrors(key));
    problems.invalidEach(path, value, labelValueErrors(value));
  }
}

function checkName(meta: DecodedMeta, rules: MetaRules, path: FieldPath, problems: ProblemList): void {
  const { name = "", generateName = "" } = meta;
  if (name !== "") {
    problems.invalidEach(path.child("name"), name, rules.nameErrors(name));
    return;
  }
  const hint = generateName === "" ? "" : "Write a name: only the API server makes one from generateName.";
  problems.required(path.child("name"), "name or generateName is required", hint);
}

function checkNamespace(meta: DecodedMeta, rules: MetaRules, path: FieldPath, problems: ProblemList): void {
  const { namespace = "" } = meta;
  if (namespace === "") return;
  if (rules.isNamespaced) problems.invalidEach(path, namespace, dnsLabelErrors(namespace));
  else problems.forbidden(path, "not allowed on this type");
}

function checkAnnotations(annotations: DecodedMeta["annotations"], path: FieldPath, problems: ProblemList): void {
  let bytes = 0;
  for (const [key, value = ""] of Object.entries(annotations ?? {})) {
    problems.invalidEach(path, key, qualifiedNameErrors(key.toLowerCase()));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_ANNOTATION_BYTES) problems.tooLong(path, MAX_ANNOTATION_BYTES);
}

function isTimestamp(value: string): boolean {
  return RFC_3339.test(value) && !Number.isNaN(Date.parse(value));
}
