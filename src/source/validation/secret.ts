// What the API server checks in a Secret, and its folding of `stringData` into `data`. Facts: core's validation,
// Kubernetes 1.37. Never shows a value.
import type { Secret } from "../object-types.ts";
import { base64Error, joinBase64Lines } from "./base64-rules.ts";
import { FieldPath } from "./field-path.ts";
import { dataKeyErrors } from "./name-rules.ts";
import { OBJECT_META } from "./object-meta.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Shape } from "./shape.ts";
import { BOOLEAN, objectOf, STRING, STRING_MAP } from "./shape.ts";

/** All values of a Secret or ConfigMap together. */
export const MAX_DATA_BYTES: number = 1024 * 1024;

export const SECRET: Shape = objectOf({
  apiVersion: STRING,
  kind: STRING,
  metadata: OBJECT_META,
  type: STRING,
  immutable: BOOLEAN,
  data: STRING_MAP,
  stringData: STRING_MAP,
});

export interface DecodedSecret {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

/** The keys that the well-known types must have. Types whose keys depend on each other are not Penstock's to read. */
const REQUIRED_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ["kubernetes.io/tls", ["tls.crt", "tls.key"]],
  ["kubernetes.io/dockercfg", [".dockercfg"]],
  ["kubernetes.io/dockerconfigjson", [".dockerconfigjson"]],
  ["kubernetes.io/ssh-auth", ["ssh-privatekey"]],
]);

export function checkSecret(secret: DecodedSecret, problems: ProblemList): void {
  const { data = {}, stringData = {} } = secret;
  const path = FieldPath.root.child("data");
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    const detail = base64Error(value);
    if (detail !== null) {
      problems.wrongType(path.key(key), detail, "Write base64, or the text itself under stringData.");
    }
    problems.invalidEach(path.key(key), key, dataKeyErrors(key));
    if (!Object.hasOwn(stringData, key)) bytes += Buffer.byteLength(value, "base64");
  }
  for (const [key, value] of Object.entries(stringData)) {
    problems.invalidEach(FieldPath.root.child("stringData").key(key), key, dataKeyErrors(key));
    bytes += Buffer.byteLength(value);
  }
  if (bytes > MAX_DATA_BYTES) problems.tooLong(path, MAX_DATA_BYTES);
  for (const key of REQUIRED_KEYS.get(secret.type ?? "") ?? []) {
    if (!Object.hasOwn(data, key) && !Object.hasOwn(stringData, key)) problems.required(path.key(key));
  }
}

/** The Secret with all of its values in `data`; a key of `stringData` wins over the same key of `data`, as in the API. */
export function foldStringData(secret: Secret & DecodedSecret): Secret {
  const { stringData, data, ...rest } = secret;
  if (data === undefined && stringData === undefined) return rest;
  const folded = Object.create(null) as Record<string, string>;
  for (const [key, value] of Object.entries(data ?? {})) folded[key] = joinBase64Lines(value);
  for (const [key, value] of Object.entries(stringData ?? {})) folded[key] = Buffer.from(value).toString("base64");
  return { ...rest, data: folded };
}
