// An object as the API server sent it: only what every object must have is known of it.

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

/** True for what a JSON object becomes. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
  delete metadata["managedFields"];
  if (isMapping(annotations)) delete annotations[LAST_APPLIED];
  return value as unknown as ApiObject;
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** `namespace/name`; `/name` for cluster-scoped objects. */
export function objectKey(meta: Pick<ApiObjectMeta, "namespace" | "name">): string {
  return `${meta.namespace ?? ""}/${meta.name}`;
}
