// From Kubernetes objects to the IR. Pure and total: the same objects in any order give byte-equal output; no input
// makes it throw; it reads no clock, environment or network.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { Route, VirtualHost } from "../ir/route-table.ts";
import type { EndpointSet, Upstream } from "../ir/upstream.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import type { EndpointSlice, Ingress, IngressClass, Secret, Service, WorldObjects } from "../source/object-types.ts";
import { mergeRoutePolicy, NO_SETTINGS } from "./annotations/settings.ts";
import { BackendResolver, RESPOND_UNAVAILABLE, tlsWithoutHttps } from "./backend.ts";
import type { ResolvedBackend, UpstreamUse } from "./backend.ts";
import { appendTo, diagnose, finishDiagnostics } from "./diagnose.ts";
import { groupSlices, readEndpoints } from "./endpoint-sets.ts";
import type { SlicesByService } from "./endpoint-sets.ts";
import { judgeOwnership, readClassTable } from "./ingress-class.ts";
import type { ClassTable } from "./ingress-class.ts";
import { viewIngress } from "./ingress-view.ts";
import type { IngressView, PathView } from "./ingress-view.ts";
import { compareNames, comparePrecedence, identifyObject } from "./object-identity.ts";
import type { ObjectIdentity } from "./object-identity.ts";
import { indexObjects } from "./object-index.ts";
import type { ObjectIndex } from "./object-index.ts";
import type { IngressStatus, TranslateOptions, TranslateResult } from "./result.ts";
import { buildTlsTable } from "./tls-hosts.ts";
import { VirtualHostsBuilder } from "./virtual-hosts.ts";

/**
 * Everything that the objects mean, with a diagnostic for everything that they do not. Objects must not change after
 * they were handed in: what was read from one is remembered for as long as it lives.
 */
export function translate(objects: WorldObjects, options: TranslateOptions): TranslateResult {
  const diagnostics: Diagnostic[] = [];
  const world = indexWorld(objects, diagnostics);
  const table = readClassTable(world.ingressClasses, options, diagnostics);
  const views = selectIngresses(world.ingresses, table, options, diagnostics);
  const resolver = new BackendResolver(world.services, world.secrets);
  const virtualHosts = buildVirtualHosts(views, resolver, options, diagnostics);
  const tls = buildTlsTable(views, world.secrets, options.defaultCertificate, diagnostics);
  const { upstreams, endpoints } = buildUpstreams(selectUses(resolver, virtualHosts), world.slices, diagnostics);
  return {
    routeTable: { virtualHosts, tlsHosts: tls.tlsHosts },
    upstreams,
    certificates: tls.certificates,
    defaultCertificate: tls.defaultCertificate,
    endpoints,
    statuses: listStatuses(views),
    diagnostics: finishDiagnostics([...diagnostics, ...resolver.diagnostics]),
  };
}

interface IndexedWorld {
  readonly ingresses: ObjectIndex<Ingress>;
  readonly ingressClasses: ObjectIndex<IngressClass>;
  readonly services: ObjectIndex<Service>;
  readonly secrets: ObjectIndex<Secret>;
  readonly slices: SlicesByService;
}

function indexWorld(objects: WorldObjects, diagnostics: Diagnostic[]): IndexedWorld {
  const endpointSlices = indexObjects<EndpointSlice>(objects.endpointSlices, "EndpointSlice", diagnostics);
  return {
    ingresses: indexObjects(objects.ingresses, "Ingress", diagnostics),
    ingressClasses: indexObjects(objects.ingressClasses, "IngressClass", diagnostics),
    services: indexObjects(objects.services, "Service", diagnostics),
    secrets: indexObjects(objects.secrets, "Secret", diagnostics),
    slices: groupSlices(endpointSlices.values(), null),
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
  for (const ingress of ingresses.values()) {
    const identity = identifyObject(ingress, "Ingress") as ObjectIdentity;
    const refusal = judgeOwnership(ingress, identity, table, options);
    if (refusal === null) views.push(viewIngress(ingress, identity));
    else diagnostics.push(refusal);
  }
  return views.toSorted((left, right) => comparePrecedence(left.identity, right.identity));
}

function buildVirtualHosts(
  views: readonly IngressView[],
  resolver: BackendResolver,
  options: TranslateOptions,
  diagnostics: Diagnostic[],
): readonly VirtualHost[] {
  const builder = new VirtualHostsBuilder(diagnostics);
  for (const view of views) {
    appendTo(diagnostics, view.diagnostics);
    let [usesPlain, usesHttps] = [false, false];
    const makeRoute = (path: PathView): Route => {
      const backend = resolvePath(path, view, resolver, diagnostics);
      if (backend?.action.kind === "forward") {
        if (backend.isHttps) usesHttps = true;
        else usesPlain = true;
      }
      const policy = mergeRoutePolicy(view.settings, backend?.service?.settings ?? NO_SETTINGS, options.routeDefaults);
      return {
        id: path.id,
        path: path.match,
        action: backend?.action ?? RESPOND_UNAVAILABLE,
        policy,
        source: path.source,
      };
    };
    for (const { host, paths } of view.rules) {
      builder.addHost(host);
      for (const path of paths) builder.addRoute(host, makeRoute(path));
    }
    if (view.defaultBackend !== null) {
      const hosts = new Set(view.rules.map((rule) => rule.host));
      builder.addDefaultBackend(hosts, makeRoute(view.defaultBackend));
    }
    const { tlsServerName, tlsCaSecret } = view.settings;
    if (usesPlain && !usesHttps && (tlsServerName !== null || tlsCaSecret !== null)) {
      diagnostics.push(diagnose({ object: view.identity.reference, field: "metadata.annotations" }, tlsWithoutHttps()));
    }
  }
  return builder.finish();
}

function resolvePath(
  path: PathView,
  view: IngressView,
  resolver: BackendResolver,
  diagnostics: Diagnostic[],
): ResolvedBackend | null {
  if (path.backend === null) return null;
  const { reference } = view.identity;
  const resolved = resolver.resolve(reference.namespace, path.backend, view.settings);
  if (resolved.fault !== null) {
    const field = path.backend.field + resolved.fault.leaf;
    diagnostics.push(diagnose({ object: reference, field }, resolved.fault.problem));
  }
  return resolved;
}

/** Sorted by id. A route that lost its match asked for an upstream, too, but nobody forwards to it. */
function selectUses(resolver: BackendResolver, virtualHosts: readonly VirtualHost[]): readonly UpstreamUse[] {
  const uses = new Map<string, UpstreamUse>();
  for (const { routes } of virtualHosts) {
    for (const { action } of routes) {
      if (action.kind !== "forward") continue;
      for (const { upstream } of action.backends) uses.set(upstream, resolver.uses.get(upstream) as UpstreamUse);
    }
  }
  return Array.from(uses.values()).toSorted((left, right) => compareStrings(left.upstream.id, right.upstream.id));
}

function buildUpstreams(
  uses: readonly UpstreamUse[],
  slices: SlicesByService,
  diagnostics: Diagnostic[],
): { upstreams: readonly Upstream[]; endpoints: readonly EndpointSet[] } {
  const upstreams: Upstream[] = [];
  const endpoints: EndpointSet[] = [];
  for (const { upstream, service, port } of uses) {
    upstreams.push(upstream);
    if (upstream.dnsName !== null) continue;
    const reading = readEndpoints(service, port, slices.get(service.identity.key) ?? []);
    endpoints.push({ upstream: upstream.id, endpoints: reading.endpoints });
    appendTo(diagnostics, reading.diagnostics);
  }
  return { upstreams, endpoints };
}

function listStatuses(views: readonly IngressView[]): readonly IngressStatus[] {
  const references = views.map((view) => view.identity.reference).toSorted(compareNames);
  return references.map(({ namespace, name }) => ({ ingress: { namespace, name } }));
}
