// Answers "does this change matter?", and which lane it takes. Errs towards mattering: a rebuild too many publishes nothing.
import { isDeepStrictEqual } from "node:util";
import type { NamespacedName } from "../ir/names.ts";
import type { EndpointSlice, ObjectMeta, WatchedObject } from "../source/object-types.ts";
import type { ObjectChange } from "./object-world.ts";
import { objectOf } from "./object-world.ts";
import type { ObjectReferences } from "./references.ts";
import { referenceKey } from "./references.ts";

/** Names the Service that a slice belongs to (Kubernetes API conventions). */
const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

export type ChangeVerdict =
  | { readonly lane: "none" }
  | { readonly lane: "rebuild" }
  /** Only endpoints of these Services changed: two where a slice moved from one to another. */
  | { readonly lane: "endpoints"; readonly services: readonly NamespacedName[] };

const NONE: ChangeVerdict = { lane: "none" };
const REBUILD: ChangeVerdict = { lane: "rebuild" };

/** @param references of the world as it was last built: changes of what refers take the rebuild lane anyway. */
export function judgeChange(change: ObjectChange, references: ObjectReferences): ChangeVerdict {
  const object = objectOf(change);
  if (object === null || saysTheSame(change.previous, change.current)) return NONE;
  switch (object.kind) {
    case "EndpointSlice":
      return judgeSlice(change, references);
    case "Service":
      return references.services.has(nameKey(object)) ? REBUILD : NONE;
    case "Secret":
      return references.secrets.has(nameKey(object)) ? REBUILD : NONE;
    case "Ingress":
    case "IngressClass":
    case "ConfigMap":
    case "Namespace":
      return REBUILD;
  }
}

function judgeSlice(change: ObjectChange, references: ObjectReferences): ChangeVerdict {
  const services: NamespacedName[] = [];
  for (const slice of [change.previous, change.current]) {
    const owner = slice?.kind === "EndpointSlice" ? owningService(slice) : null;
    if (owner === null || !references.services.has(referenceKey(owner))) continue;
    if (!services.some((known) => known.name === owner.name)) services.push(owner);
  }
  return services.length === 0 ? NONE : { lane: "endpoints", services };
}

function owningService(slice: EndpointSlice): NamespacedName | null {
  const name = slice.metadata.labels?.[SERVICE_NAME_LABEL];
  return name === undefined ? null : { namespace: slice.metadata.namespace ?? "default", name };
}

function nameKey(object: WatchedObject): string {
  return referenceKey({ namespace: object.metadata.namespace ?? "default", name: object.metadata.name });
}

/** Whether two versions differ at most in the bookkeeping of the API server. */
function saysTheSame(previous: WatchedObject | null, current: WatchedObject | null): boolean {
  if (previous === current) return true;
  if (previous === null || current === null) return false;
  return isDeepStrictEqual(withoutBookkeeping(previous), withoutBookkeeping(current));
}

function withoutBookkeeping(object: WatchedObject): WatchedObject {
  const { resourceVersion: _resourceVersion, generation: _generation, ...metadata } = object.metadata;
  return { ...object, metadata: metadata satisfies ObjectMeta };
}
