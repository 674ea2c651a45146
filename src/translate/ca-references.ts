// Which Secrets annotations point at. For whoever decides which changes matter: these names stand in no field of a spec.
import type { NamespacedName } from "../ir/names.ts";
import type { Ingress, Service, WorldObjects } from "../source/object-types.ts";
import { ANNOTATION_PREFIX, CA_SECRET_ANNOTATION } from "./annotations/registry.ts";
import { identifyObject } from "./object-identity.ts";
import { asNonEmptyText, asRecord } from "./untyped.ts";

/** The Secrets with CAs for verifying upstreams, of all Ingress and Service objects, ours or not. */
export function listCaSecrets(objects: Pick<WorldObjects, "ingresses" | "services">): readonly NamespacedName[] {
  return [
    ...objects.ingresses.map((ingress) => readCaReference(ingress, "Ingress")),
    ...objects.services.map((service) => readCaReference(service, "Service")),
  ].filter((name) => name !== null);
}

function readCaReference(object: Ingress | Service, kind: "Ingress" | "Service"): NamespacedName | null {
  const annotations = asRecord(asRecord(object.metadata)["annotations"]);
  const name = asNonEmptyText(annotations[ANNOTATION_PREFIX + CA_SECRET_ANNOTATION])?.trim();
  const identity = name === undefined ? null : identifyObject(object, kind);
  return identity === null || name === undefined ? null : { namespace: identity.reference.namespace, name };
}
