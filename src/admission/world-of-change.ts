// The part of the world in which a changed object is judged: all that could make a difference to it or that it could make
// a difference to, and none of the thousands of Ingress objects that have nothing to do with it.
import { formatName } from "../ir/names.ts";
import type { ObjectReference } from "../ir/names.ts";
import type {
  Ingress,
  ProxyConfig,
  RoutePolicy,
  UpstreamPolicy,
  WatchedObject,
  WorldObjects,
} from "../source/object-types.ts";
import { comparePrecedence, identifyObject } from "../translate/object-identity.ts";
import type { Identified } from "../translate/object-identity.ts";
import { asRecord } from "../translate/untyped.ts";
import { indexObjects } from "../translate/object-index.ts";
import type { TranslateOptions } from "../translate/result.ts";
import { translate } from "../translate/translate.ts";
import { viewIngress } from "../translate/routes/ingress-view.ts";
import type { IngressView } from "../translate/routes/ingress-view.ts";

export type JudgedObject = Ingress | UpstreamPolicy | RoutePolicy | ProxyConfig;

/** Where a world keeps the kinds that are judged. */
const LISTS: Readonly<Record<JudgedObject["kind"], keyof WorldObjects>> = {
  Ingress: "ingresses",
  UpstreamPolicy: "upstreamPolicies",
  RoutePolicy: "routePolicies",
  ProxyConfig: "proxyConfigs",
};

export function isJudged(object: WatchedObject): object is JudgedObject {
  return Object.hasOwn(LISTS, object.kind);
}

/** One world twice: with the object in the place of what is stored, and without either. */
export interface WorldOfChange {
  readonly after: WorldObjects;
  readonly without: WorldObjects;
  /** False where so many Ingress objects have to do with it that none of them is there: their conflicts remain unseen. */
  readonly isWhole: boolean;
}

/** As many as are judged in a moment; far more than share a host anywhere but in an attack or a very large shop. */
const MAX_RELATED = 1_000;

/**
 * Only Ingress objects are left out. The other lists stay as the store keeps them, because what translation remembers hangs
 * on them: a smaller list of Services would cost more to read than all of them, and make the next translation slow.
 */
export function worldOfChange(object: JudgedObject, world: WorldObjects, options: TranslateOptions): WorldOfChange {
  const found = relatedIngresses(object, world, options);
  const isWhole = found.length <= MAX_RELATED;
  const related = { ...world, ingresses: isWhole ? found : [] };
  const list = LISTS[object.kind];
  const others = (related[list] as readonly WatchedObject[]).filter((other) => !isSame(other, object));
  return { after: { ...related, [list]: [...others, object] }, without: { ...related, [list]: others }, isWhole };
}

const EMPTY_WORLD: WorldObjects = Object.freeze({
  ingresses: [],
  ingressClasses: [],
  services: [],
  endpointSlices: [],
  secrets: [],
  configMaps: [],
  namespaces: [],
  upstreamPolicies: [],
  routePolicies: [],
  proxyConfigs: [],
});

/** Whether an Ingress is left to another controller; told from its class alone, so that nothing else of it needs to be right. */
export function isForeignIngress(ingress: unknown, world: WorldObjects, options: TranslateOptions): boolean {
  const { metadata, spec } = asRecord(ingress);
  const { annotations } = asRecord(metadata);
  const { ingressClassName } = asRecord(spec);
  const classOnly = { metadata: { name: "ingress", annotations }, spec: { ingressClassName } } as unknown as Ingress;
  const { ingressClasses, proxyConfigs } = world;
  return (
    translate({ ...EMPTY_WORLD, ingressClasses, proxyConfigs, ingresses: [classOnly] }, options).statuses.length === 0
  );
}

function relatedIngresses(object: JudgedObject, world: WorldObjects, options: TranslateOptions): readonly Ingress[] {
  switch (object.kind) {
    case "Ingress":
      return overlappingIngresses(object, world, options);
    case "RoutePolicy":
      return targetedIngresses(object, world);
    case "UpstreamPolicy":
      return ingressesUsing(object, world);
    case "ProxyConfig":
      return [];
  }
}

/** Those that speak of the same hosts or compete for the place of the default backend. */
function overlappingIngresses(ingress: Ingress, world: WorldObjects, options: TranslateOptions): readonly Ingress[] {
  const identified = identifyObject(ingress, "Ingress");
  if (identified === null) return [];
  const view = viewIngress(identified);
  const hosts = new Set(hostsOf(view));
  const related = new Set<Ingress>();
  const withDefault: Identified<Ingress>[] = [];
  for (const other of indexObjects(world.ingresses, "Ingress").index.values()) {
    if (other.key === identified.key) continue;
    const otherView = viewIngress(other);
    if (otherView.defaultBackend !== null) withDefault.push(other);
    if (speaksOf(otherView, hosts)) related.add(other.object);
  }
  const competitors =
    withDefault.length === 0 ? [] : selectOurs(withDefault, world, options).toSorted(comparePrecedence);
  const [winner] = competitors;
  // Who loses the place to this Ingress is told of that; where it does not win, nothing changes for them.
  const wins = view.defaultBackend !== null && winner !== undefined && comparePrecedence(identified, winner) < 0;
  for (const other of wins ? competitors : competitors.slice(0, 1)) related.add(other.object);
  return Array.from(related);
}

function selectOurs(
  identified: readonly Identified<Ingress>[],
  world: WorldObjects,
  options: TranslateOptions,
): readonly Identified<Ingress>[] {
  const { statuses } = translate({ ...world, ingresses: identified.map(({ object }) => object) }, options);
  const ours = new Set(statuses.map((status) => formatName(status.ingress)));
  return identified.filter(({ key }) => ours.has(key));
}

function* hostsOf({ defaultBackend, rules, tls }: IngressView): Generator<string> {
  // A rule for every host and path takes the default backend's place.
  if (defaultBackend !== null) yield "";
  for (const { host } of rules) yield host;
  for (const section of tls) yield* section.hosts;
}

function speaksOf({ rules, tls }: IngressView, hosts: ReadonlySet<string>): boolean {
  return (
    rules.some(({ host }) => hosts.has(host)) || tls.some((section) => section.hosts.some((host) => hosts.has(host)))
  );
}

function targetedIngresses({ metadata, spec }: RoutePolicy, world: WorldObjects): readonly Ingress[] {
  const targets = new Set(spec.targetRefs.map(({ name }) => name));
  return world.ingresses.filter((ingress) => {
    return ingress.metadata.namespace === metadata.namespace && targets.has(ingress.metadata.name);
  });
}

function ingressesUsing({ metadata, spec }: UpstreamPolicy, world: WorldObjects): readonly Ingress[] {
  const services = new Set(spec.targetRefs.map(({ name }) => name));
  return world.ingresses.filter((ingress) => {
    if (ingress.metadata.namespace !== metadata.namespace) return false;
    const identified = identifyObject(ingress, "Ingress");
    if (identified === null) return false;
    const { defaultBackend, rules } = viewIngress(identified);
    const backends = [defaultBackend, ...rules.flatMap(({ paths }) => paths)];
    return backends.some((path) => services.has(path?.backend?.service ?? ""));
  });
}

function isSame(left: WatchedObject, right: WatchedObject): boolean {
  return formatName(referenceOf(left)) === formatName(referenceOf(right));
}

/** Which object it is, as diagnostics name it. */
export function referenceOf({ kind, metadata }: WatchedObject): ObjectReference {
  return { kind, namespace: metadata.namespace ?? "", name: metadata.name };
}
