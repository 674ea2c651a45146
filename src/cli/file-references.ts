// What the objects of files refer to, so that a change of anything else is passed over.
import type { NamespacedName } from "../ir/names.ts";
import { collectReferences, referenceKey } from "../reconcile/references.ts";
import type { ObjectReferences } from "../reconcile/references.ts";
import type { WorldObjects } from "../source/object-types.ts";
import { ANNOTATION_PREFIX, CA_SECRET_ANNOTATION } from "../translate/annotations/registry.ts";

/** With the Secrets that annotations name: the certificates that upstreams are verified against. */
export function collectFileReferences(
  objects: WorldObjects,
  defaultCertificate: NamespacedName | null,
): ObjectReferences {
  const references = collectReferences(objects, {
    services: [],
    secrets: defaultCertificate === null ? [] : [defaultCertificate],
  });
  const secrets = new Set(references.secrets);
  for (const { metadata } of [...objects.ingresses, ...objects.services]) {
    const name = metadata.annotations?.[`${ANNOTATION_PREFIX}${CA_SECRET_ANNOTATION}`];
    if (name !== undefined) secrets.add(referenceKey({ namespace: metadata.namespace ?? "default", name }));
  }
  return { ...references, secrets };
}
