// Which Services and Secrets the Ingress objects and policies point at. Changes of any other Service or Secret cannot matter.
import type { NamespacedName } from "../ir/names.ts";
import { isDnsName } from "../lib/dns-name.ts";
import type { Ingress, IngressBackend, WatchedObject, WorldObjects } from "../source/object-types.ts";
import { ANNOTATION_PREFIX, CA_SECRET_ANNOTATION } from "../translate/annotations/registry.ts";
import { readTlsSecretNames } from "../translate/tls/tls-section.ts";
import { KeyCounts } from "../lib/key-counts.ts";

const CA_ANNOTATION = `${ANNOTATION_PREFIX}${CA_SECRET_ANNOTATION}`;

/** Objects that the installation itself points at. */
export interface FixedReferences {
  readonly services: readonly NamespacedName[];
  readonly secrets: readonly NamespacedName[];
}

/**
 * Counts who refers to what, so that a change costs as much as what changed. Takes in every Ingress, of whatever class: too
 * many names cost a rebuild that publishes nothing, too few lose a change.
 */
export class ObjectReferences {
  readonly #services = new KeyCounts();
  readonly #secrets = new KeyCounts();

  constructor({ services, secrets }: FixedReferences) {
    for (const name of services) this.#services.add(referenceKey(name));
    for (const name of secrets) this.#secrets.add(referenceKey(name));
  }

  /** Services that something refers to, by `namespace/name`. */
  get services(): Iterable<string> {
    return this.#services.keys();
  }

  /** Secrets that something refers to, by `namespace/name`. */
  get secrets(): Iterable<string> {
    return this.#secrets.keys();
  }

  hasService(key: string): boolean {
    return this.#services.has(key);
  }

  hasSecret(key: string): boolean {
    return this.#secrets.has(key);
  }

  /** Takes in what a new object refers to. */
  add(object: WatchedObject): void {
    for (const name of referencedServicesOf(object)) this.#services.add(referenceKey(name));
    for (const name of referencedSecretsOf(object)) this.#secrets.add(referenceKey(name));
  }

  /** Takes back what `add` took in for this very version of the object. */
  remove(object: WatchedObject): void {
    for (const name of referencedServicesOf(object)) this.#services.remove(referenceKey(name));
    for (const name of referencedSecretsOf(object)) this.#secrets.remove(referenceKey(name));
  }
}

/** Lists of the world whose objects refer to others. */
export const REFERRING_LISTS: readonly ("ingresses" | "services" | "upstreamPolicies")[] = [
  "ingresses",
  "services",
  "upstreamPolicies",
];

export function collectReferences(objects: WorldObjects, fixed: FixedReferences): ObjectReferences {
  const references = new ObjectReferences(fixed);
  for (const list of REFERRING_LISTS) for (const object of objects[list]) references.add(object);
  return references;
}

/**
 * The Secrets that one object refers to, itself alone: each once, none whose name no Secret can have, which nobody need be
 * asked for, and no more than translation looks at. Authorities come first, as they are few.
 */
export function referencedSecretsOf(object: WatchedObject): readonly NamespacedName[] {
  const namespace = object.metadata.namespace ?? "default";
  const names = new Set(secretNamesIn(object).filter(isDnsName));
  return [...names].map((name) => ({ namespace, name }));
}

function secretNamesIn(object: WatchedObject): readonly string[] {
  if (object.kind === "UpstreamPolicy") {
    const name = object.spec.tls?.caSecretName;
    return name === undefined ? [] : [name];
  }
  if (object.kind !== "Ingress" && object.kind !== "Service") return [];
  const names: string[] = [];
  // Services may name the authority of their upstreams as well.
  const authority = object.metadata.annotations?.[CA_ANNOTATION];
  if (authority !== undefined) names.push(authority);
  if (object.kind === "Service") return names;
  names.push(...readTlsSecretNames((object.spec?.tls ?? []).map(({ secretName }) => secretName)));
  return names;
}

function referencedServicesOf(object: WatchedObject): readonly NamespacedName[] {
  const namespace = object.metadata.namespace ?? "default";
  // A policy's target counts even where no Ingress names it: whether it exists is told on the policy.
  if (object.kind === "UpstreamPolicy") return object.spec.targetRefs.map(({ name }) => ({ namespace, name }));
  return object.kind === "Ingress" ? serviceNamesIn(object).map((name) => ({ namespace, name })) : [];
}

function serviceNamesIn({ spec }: Ingress): readonly string[] {
  const paths = (spec?.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
  const backends: (IngressBackend | undefined)[] = [spec?.defaultBackend, ...paths.map(({ backend }) => backend)];
  return backends.flatMap((backend) => (backend?.service === undefined ? [] : [backend.service.name]));
}

export function referenceKey(name: NamespacedName): string {
  return `${name.namespace}/${name.name}`;
}

/** The key of a namespaced object, and of nothing else of its kind. */
export function referenceKeyOf(object: WatchedObject): string {
  return referenceKey({ namespace: object.metadata.namespace ?? "default", name: object.metadata.name });
}
