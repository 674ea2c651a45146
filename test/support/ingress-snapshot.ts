// Short spellings of snapshots and of what a worker compiles them with, for tests of the ingress side.
import { plainEndpoint } from "../../src/ir/upstream.ts";
import type { TlsIdentity } from "../../src/engine/server/tls-identity.ts";
import type { CompileEnvironment } from "../../src/ingress/compile.ts";
import { UpstreamTrust } from "../../src/ingress/upstream-trust.ts";
import type { Certificate } from "../../src/ir/certificate.ts";
import { DEFAULT_ROUTE_POLICY } from "../../src/ir/route-table.ts";
import type { PathMatch, Route, RouteAction, RoutePolicy, VirtualHost } from "../../src/ir/route-table.ts";
import { secretBytes } from "../../src/ir/secret-bytes.ts";
import type { Snapshot } from "../../src/ir/snapshot.ts";
import type { Endpoint, EndpointSet, Upstream } from "../../src/ir/upstream.ts";

export interface RouteSpec {
  readonly id?: string;
  readonly path: string;
  readonly kind?: PathMatch["kind"];
  /** Upstream, or several with weights; default: the path as name. */
  readonly to?: string | Readonly<Record<string, number>>;
  /** Answers with this status instead. */
  readonly respond?: number;
  readonly policy?: Partial<RoutePolicy>;
}

export interface SnapshotSpec {
  readonly hosts: Readonly<Record<string, readonly RouteSpec[]>>;
  /** `address:port` of each upstream's endpoints, or whole endpoints. */
  readonly endpoints?: Readonly<Record<string, readonly (string | Endpoint)[]>>;
  /** Certificate of each TLS host; null: the default one. */
  readonly tls?: Readonly<Record<string, string | null>>;
  readonly certificates?: readonly Certificate[];
  readonly defaultCertificate?: string;
  /** Settings of upstreams that are not plain HTTP. */
  readonly upstreams?: Readonly<Record<string, Partial<Upstream>>>;
}

/** A snapshot in which every upstream that a route names exists. */
export function snapshotOf(spec: SnapshotSpec): Snapshot {
  const virtualHosts = Object.entries(spec.hosts).map(([host, routes]) => virtualHostOf(host, routes));
  const ids = new Set(Object.keys(spec.endpoints ?? {}));
  for (const { routes } of virtualHosts) {
    for (const { action } of routes) {
      if (action.kind === "forward") for (const { upstream } of action.upstreams) ids.add(upstream);
    }
  }
  const certificates =
    spec.certificates ??
    [...new Set(Object.values(spec.tls ?? {}).filter((id) => id !== null))].map((id) => certificateOf(id, []));
  return {
    routeTable: {
      virtualHosts,
      tlsHosts: Object.entries(spec.tls ?? {}).map(([host, certificate]) => ({ host, certificate })),
    },
    upstreams: [...ids].toSorted().map((id) => ({ ...upstreamOf(id), ...spec.upstreams?.[id] })),
    certificates,
    defaultCertificate: spec.defaultCertificate ?? null,
    endpoints: Object.entries(spec.endpoints ?? {}).map(([id, endpoints]) => endpointSetOf(id, endpoints)),
  };
}

export function virtualHostOf(host: string, routes: readonly RouteSpec[]): VirtualHost {
  return { host, routes: routes.map((route, index) => routeOf(route, `${host}/${index}`)) };
}

function routeOf(spec: RouteSpec, id: string): Route {
  return {
    id: spec.id ?? id,
    path: { kind: spec.kind ?? "prefix", value: spec.path },
    action: actionOf(spec),
    policy: { ...DEFAULT_ROUTE_POLICY, ...spec.policy },
    source: {
      object: { kind: "Ingress", namespace: "shop", name: "web" },
      field: "spec.rules[0].http.paths[0]",
    },
  };
}

function actionOf(spec: RouteSpec): RouteAction {
  if (spec.respond !== undefined) return { kind: "respond", status: spec.respond };
  const to = spec.to ?? spec.path;
  const weights = typeof to === "string" ? { [to]: 1 } : to;
  return { kind: "forward", upstreams: Object.entries(weights).map(([upstream, weight]) => ({ upstream, weight })) };
}

function upstreamOf(id: string): Upstream {
  return { id, protocol: "http", tls: null, dnsName: null };
}

export function endpointSetOf(upstream: string, endpoints: readonly (string | Endpoint)[]): EndpointSet {
  return { upstream, endpoints: endpoints.map((it) => (typeof it === "string" ? endpointOf(it) : it)) };
}

/** @param address `address:port`. */
export function endpointOf(address: string, changes: Partial<Endpoint> = {}): Endpoint {
  const colon = address.lastIndexOf(":");
  return { ...plainEndpoint(address.slice(0, colon), Number(address.slice(colon + 1))), ...changes };
}

/** A certificate that no OpenSSL would take; `fakeEnvironment` makes identities of it that cover `dnsNames`. */
export function certificateOf(id: string, dnsNames: readonly string[], key: string = id): Certificate {
  return { id, chainPem: `chain of ${id}`, key: secretBytes(Buffer.from(key)), dnsNames };
}

/** An identity that covers exactly the given names, with a context that serves no handshake. */
export function fakeIdentity(id: string, dnsNames: readonly string[]): TlsIdentity {
  return { id, context: { context: null }, covers: (host) => dnsNames.includes(host) };
}

export interface FakeEnvironment extends CompileEnvironment {
  /** Ids of the certificates that identities were made of, in order. */
  readonly created: string[];
  readonly unusable: string[];
}

/** Identities without OpenSSL: a certificate whose id contains `broken` cannot be used. Balancing begins at turn 0. */
export function fakeEnvironment(): FakeEnvironment {
  const created: string[] = [];
  const unusable: string[] = [];
  return {
    created,
    unusable,
    identities: {
      fallback: fakeIdentity("fallback", []),
      create: (certificate) => {
        if (certificate.id.includes("broken")) throw new Error("no start line");
        created.push(certificate.id);
        return fakeIdentity(certificate.id, certificate.dnsNames);
      },
      onUnusable: (certificate) => unusable.push(certificate.id),
    },
    trust: new UpstreamTrust(),
    randomTurn: () => 0,
  };
}
