// Which Services and Secrets the Ingress objects and policies point at. Changes of any other Service or Secret cannot matter.
import type { NamespacedName } from "../ir/names.ts";
import { isDnsName } from "../lib/dns-name.ts";
import type { Ingress, IngressBackend, UpstreamPolicy, WatchedObject, WorldObjects } from "../source/object-types.ts";
import { ANNOTATION_PREFIX, CA_SECRET_ANNOTATION } from "../translate/annotations/registry.ts";

const CA_ANNOTATION = `${ANNOTATION_PREFIX}${CA_SECRET_ANNOTATION}`;

/** Names as `namespace/name`. */
export interface ObjectReferences {
  readonly services: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

/** Objects that the installation itself points at. */
export interface FixedReferences {
  readonly services: readonly NamespacedName[];
  readonly secrets: readonly NamespacedName[];
}

/** Takes in every Ingress, of whatever class: too many names cost a rebuild that publishes nothing, too few lose a change. */
export function collectReferences(objects: WorldObjects, fixed: FixedReferences): ObjectReferences {
  const services = new Set(fixed.services.map(referenceKey));
  const secrets = new Set(fixed.secrets.map(referenceKey));
  for (const ingress of objects.ingresses) addServices(ingress, services);
  for (const policy of objects.upstreamPolicies) addTargets(policy, services);
  for (const object of [...objects.ingresses, ...objects.services, ...objects.upstreamPolicies]) {
    for (const secret of referencedSecretsOf(object)) secrets.add(referenceKey(secret));
  }
  return { services, secrets };
}

/** A Service counts even where no Ingress names it: whether it exists is told on the policy. */
function addTargets({ metadata, spec }: UpstreamPolicy, services: Set<string>): void {
  const namespace = metadata.namespace ?? "default";
  for (const { name } of spec.targetRefs) services.add(referenceKey({ namespace, name }));
}

/**
 * The Secrets that one object refers to, itself alone: each once, and none whose name no Secret can have, which nobody need
 * be asked for. Authorities come first, as they are few.
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
  for (const { secretName } of object.spec?.tls ?? []) if (secretName !== undefined) names.push(secretName);
  return names;
}

function addServices(ingress: Ingress, services: Set<string>): void {
  const namespace = ingress.metadata.namespace ?? "default";
  const addBackend = (backend: IngressBackend | undefined): void => {
    const name = backend?.service?.name;
    if (name !== undefined) services.add(referenceKey({ namespace, name }));
  };
  addBackend(ingress.spec?.defaultBackend);
  for (const rule of ingress.spec?.rules ?? []) {
    for (const path of rule.http?.paths ?? []) addBackend(path.backend);
  }
}

export function referenceKey(name: NamespacedName): string {
  return `${name.namespace}/${name.name}`;
}

/** The key of a namespaced object, and of nothing else of its kind. */
export function referenceKeyOf(object: WatchedObject): string {
  return referenceKey({ namespace: object.metadata.namespace ?? "default", name: object.metadata.name });
}
