// An object as the API server sent it: only what every object must have is known of it.
import type { NamespacedName } from "../../../ir/names.ts";
import { isMapping } from "../../validation/decode.ts";

/** Untrusted beyond these fields. `metadata` may hold anything else. */
export interface ApiObject {
  apiVersion?: unknown;
  kind?: unknown;
  readonly metadata: ApiObjectMeta;
}

export interface ApiObjectMeta {
  readonly name: string;
  /** Missing in cluster-scoped objects. */
  readonly namespace?: string;
  readonly resourceVersion: string;
}

/**
 * Takes a parsed object over; null where it lacks what every object has. What nobody reads goes at once, so that nothing
 * holds on to it: the server's record of who owns which field, and kubectl's copy of the manifest.
 */
export function adoptObject(value: unknown): ApiObject | null {
  if (!isMapping(value)) return null;
  const { metadata } = value;
  if (!isMapping(metadata)) return null;
  const { name, namespace = "", resourceVersion, annotations } = metadata;
  if (typeof name !== "string" || name === "") return null;
  if (typeof namespace !== "string" || typeof resourceVersion !== "string" || resourceVersion === "") return null;
  dropField(metadata, "managedFields");
  if (isMapping(annotations)) dropField(annotations, LAST_APPLIED);
  return value as unknown as ApiObject;
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

function dropField(mapping: Readonly<Record<string, unknown>>, name: string): void {
  Reflect.deleteProperty(mapping, name);
}

/** `namespace/name`; `/name` for cluster-scoped objects. */
export function objectKey(meta: Pick<ApiObjectMeta, "namespace" | "name">): string {
  return `${meta.namespace ?? ""}/${meta.name}`;
}

/** What `objectKey` made a key of; namespace `""` for cluster-scoped objects. */
export function nameOfKey(key: string): NamespacedName {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
