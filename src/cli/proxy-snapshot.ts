// What `penstock proxy` serves: one route to everything, over the given upstreams, without any manifest.
import type { ProxyTarget } from "../config/values/proxy-target.ts";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import type { Route, WeightedUpstream } from "../ir/route-table.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { Endpoint, EndpointSet, Upstream } from "../ir/upstream.ts";
import { compareStrings } from "../lib/compare-strings.ts";

/** Targets that differ only in their weight count as one, with the weights added up. */
export function createProxySnapshot(targets: readonly ProxyTarget[]): Snapshot {
  const upstreams = new Map<string, Upstream>();
  const endpoints: EndpointSet[] = [];
  const weights = new Map<string, number>();
  for (const target of targets) {
    const upstream = createUpstream(target);
    weights.set(upstream.id, (weights.get(upstream.id) ?? 0) + target.weight);
    if (upstreams.has(upstream.id)) continue;
    upstreams.set(upstream.id, upstream);
    if (target.isAddress) endpoints.push({ upstream: upstream.id, endpoints: [createEndpoint(target)] });
  }
  const backends = Array.from(weights, ([upstream, weight]): WeightedUpstream => ({ upstream, weight }));
  return {
    routeTable: { virtualHosts: [{ host: "", routes: [createRoute(backends)] }], tlsHosts: [] },
    upstreams: [...upstreams.values()].toSorted((left, right) => compareStrings(left.id, right.id)),
    certificates: [],
    defaultCertificate: null,
    endpoints: endpoints.toSorted((left, right) => compareStrings(left.upstream, right.upstream)),
  };
}

function createUpstream({ protocol, host, port, isAddress }: ProxyTarget): Upstream {
  const isTls = protocol === "https";
  return {
    id: isTls ? `proxy/${host}/${port}/https` : `proxy/${host}/${port}`,
    protocol,
    tls: isTls ? { serverName: host, caPem: null } : null,
    dnsName: isAddress ? null : { host, port },
  };
}

function createEndpoint({ host, port }: ProxyTarget): Endpoint {
  return {
    address: host,
    port,
    weight: 1,
    ready: true,
    serving: true,
    terminating: false,
    zone: null,
    forZones: [],
    node: null,
  };
}

function createRoute(backends: readonly WeightedUpstream[]): Route {
  return {
    id: "proxy/everything",
    path: { kind: "prefix", value: "/" },
    action: { kind: "forward", backends },
    policy: DEFAULT_ROUTE_POLICY,
    source: { object: { kind: "CommandLine", namespace: "", name: "proxy" }, field: "--to" },
  };
}
