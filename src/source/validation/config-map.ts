// What the API server checks in a ConfigMap. Facts: core's validation, Kubernetes 1.37.
import { base64Error } from "./base64-rules.ts";
import { FieldPath } from "./field-path.ts";
import { dataKeyErrors } from "./name-rules.ts";
import { OBJECT_META } from "./object-meta.ts";
import type { ProblemList } from "./problem-list.ts";
import { MAX_DATA_BYTES } from "./secret.ts";
import type { Shape } from "./shape.ts";
import { BOOLEAN, objectOf, STRING, STRING_MAP } from "./shape.ts";

export const CONFIG_MAP: Shape = objectOf({
  apiVersion: STRING,
  kind: STRING,
  metadata: OBJECT_META,
  immutable: BOOLEAN,
  data: STRING_MAP,
  binaryData: STRING_MAP,
});

export interface DecodedConfigMap {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

export function checkConfigMap(configMap: DecodedConfigMap, problems: ProblemList): void {
  const { data = {}, binaryData = {} } = configMap;
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    const path = FieldPath.root.child("data").key(key);
    problems.invalidEach(path, key, dataKeyErrors(key));
    if (Object.hasOwn(binaryData, key)) {
      problems.invalid(path, key, { detail: "duplicate of key present in binaryData" });
    }
    bytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    const path = FieldPath.root.child("binaryData").key(key);
    const detail = base64Error(value);
    if (detail !== null) problems.wrongType(path, detail);
    problems.invalidEach(path, key, dataKeyErrors(key));
    bytes += Buffer.byteLength(value, "base64");
  }
  if (bytes > MAX_DATA_BYTES) problems.tooLong(FieldPath.root, MAX_DATA_BYTES);
}
