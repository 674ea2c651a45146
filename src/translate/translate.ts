// From Kubernetes objects to the IR. Pure and total: the same objects in any order give byte-equal output; no input
// makes it throw; it reads no clock, environment or network.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { EndpointSet, Upstream } from "../ir/upstream.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import type {
  Ingress,
  IngressClass,
  ProxyConfig,
  RoutePolicy,
  Secret,
  Service,
  UpstreamPolicy,
  WorldObjects,
} from "../source/object-types.ts";
import { appendTo, finishDiagnostics } from "./diagnose.ts";
import { groupSlices, readEndpointSet } from "./endpoints/endpoint-sets.ts";
import type { SlicesByService } from "./endpoints/endpoint-sets.ts";
import { compareNames, comparePrecedence } from "./object-identity.ts";
import { indexObjects } from "./object-index.ts";
import type { IndexReading, ObjectIndex } from "./object-index.ts";
import { attachPolicies } from "./policies/attached-policies.ts";
import { readClassDefaults } from "./policies/class-parameters.ts";
import type { IngressStatus, TranslateOptions, TranslateResult } from "./result.ts";
import { findClassName, judgeOwnership, readClassTable } from "./routes/ingress-class.ts";
import type { ClassTable } from "./routes/ingress-class.ts";
import { linkIngress } from "./routes/ingress-routes.ts";
import { viewIngress } from "./routes/ingress-view.ts";
import type { IngressView } from "./routes/ingress-view.ts";
import { buildVirtualHosts } from "./routes/virtual-hosts.ts";
import { buildTlsTable } from "./tls/tls-hosts.ts";
import type { UpstreamUse } from "./upstreams/backend.ts";

/**
 * Everything that the objects mean, with a diagnostic for everything that they do not.
 *
 * Objects and frozen lists must not change after they were handed in: what was read from one is remembered for as long as
 * it lives, so that a translation costs little where little changed.
 */
export function translate(objects: WorldObjects, options: TranslateOptions): TranslateResult {
  const diagnostics: Diagnostic[] = [];
  const world = indexWorld(objects, diagnostics);
  const table = readClassTable(world.ingressClasses, options, diagnostics);
  const views = selectIngresses(world.ingresses, table, options, diagnostics);
  const { loopback } = options;
  const targets = { ...world, loopback, policies: attachPolicies({ ...world, loopback }, diagnostics) };
  const defaults = readClassDefaults(world, options, diagnostics);
  const ingresses = views.map((view) => {
    const className = defaults.size === 0 ? null : findClassName(view.identity, table);
    const ofClass = className === null ? undefined : defaults.get(className);
    return linkIngress(view, targets, ofClass ?? options.routeDefaults);
  });
  for (const ingress of ingresses) appendTo(diagnostics, ingress.diagnostics);
  const { virtualHosts, uses } = buildVirtualHosts(ingresses, diagnostics);
  const tls = buildTlsTable(views, world.secrets, options.defaultCertificate, diagnostics);
  const { upstreams, endpoints } = buildUpstreams(uses, world.slices, diagnostics);
  return {
    routeTable: { virtualHosts, tlsHosts: tls.tlsHosts },
    upstreams,
    certificates: tls.certificates,
    defaultCertificate: tls.defaultCertificate,
    endpoints,
    statuses: listStatuses(views),
    diagnostics: finishDiagnostics(diagnostics),
  };
}

interface IndexedWorld {
  readonly ingresses: ObjectIndex<Ingress>;
  readonly ingressClasses: ObjectIndex<IngressClass>;
  readonly services: ObjectIndex<Service>;
  readonly secrets: ObjectIndex<Secret>;
  readonly slices: SlicesByService;
  readonly upstreamPolicies: ObjectIndex<UpstreamPolicy>;
  readonly routePolicies: ObjectIndex<RoutePolicy>;
  readonly proxyConfigs: ObjectIndex<ProxyConfig>;
}

function indexWorld(objects: WorldObjects, diagnostics: Diagnostic[]): IndexedWorld {
  const take = <T extends object>(reading: IndexReading<T>): ObjectIndex<T> => {
    appendTo(diagnostics, reading.diagnostics);
    return reading.index;
  };
  return {
    ingresses: take(indexObjects(objects.ingresses, "Ingress")),
    ingressClasses: take(indexObjects(objects.ingressClasses, "IngressClass")),
    services: take(indexObjects(objects.services, "Service")),
    secrets: take(indexObjects(objects.secrets, "Secret")),
    slices: groupSlices(take(indexObjects(objects.endpointSlices, "EndpointSlice"))),
    upstreamPolicies: take(indexObjects(objects.upstreamPolicies, "UpstreamPolicy")),
    routePolicies: take(indexObjects(objects.routePolicies, "RoutePolicy")),
    proxyConfigs: take(indexObjects(objects.proxyConfigs, "ProxyConfig")),
  };
}

/** Those that are ours, in order of precedence. */
function selectIngresses(
  ingresses: ObjectIndex<Ingress>,
  table: ClassTable,
  options: TranslateOptions,
  diagnostics: Diagnostic[],
): readonly IngressView[] {
  const views: IngressView[] = [];
  for (const identified of ingresses.values()) {
    const refusal = judgeOwnership(identified, table, options);
    if (refusal === null) views.push(viewIngress(identified));
    else diagnostics.push(refusal);
  }
  return views.toSorted((left, right) => comparePrecedence(left.identity, right.identity));
}

function buildUpstreams(
  uses: ReadonlyMap<string, UpstreamUse>,
  slices: SlicesByService,
  diagnostics: Diagnostic[],
): { upstreams: readonly Upstream[]; endpoints: readonly EndpointSet[] } {
  const upstreams: Upstream[] = [];
  const endpoints: EndpointSet[] = [];
  for (const use of Array.from(uses.values()).toSorted(compareUses)) {
    upstreams.push(use.upstream);
    if (use.upstream.dnsName !== null) continue;
    const reading = readEndpointSet(use, slices.get(use.service.identity.key) ?? []);
    endpoints.push(reading.set);
    appendTo(diagnostics, reading.diagnostics);
  }
  return { upstreams, endpoints };
}

function compareUses(left: UpstreamUse, right: UpstreamUse): number {
  return compareStrings(left.upstream.id, right.upstream.id);
}

function listStatuses(views: readonly IngressView[]): readonly IngressStatus[] {
  const sorted = views.toSorted((left, right) => compareNames(left.identity.reference, right.identity.reference));
  return sorted.map((view) => view.status);
}
