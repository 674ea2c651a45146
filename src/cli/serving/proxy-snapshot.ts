// What `penstock proxy` serves: one route to everything, over the given upstreams, without any manifest.
import type { ProxyTarget } from "../../config/values/proxy-target.ts";
import { DEFAULT_ROUTE_POLICY } from "../../ir/route-table.ts";
import type { Route, WeightedUpstream } from "../../ir/route-table.ts";
import type { Snapshot } from "../../ir/snapshot.ts";
import { plainEndpoint } from "../../ir/upstream.ts";
import type { Endpoint, EndpointSet, Upstream } from "../../ir/upstream.ts";
import { compareStrings } from "../../lib/compare-strings.ts";

/** All plain addresses: one pool, so that a request that cannot reach one endpoint is tried on another. */
const ADDRESSES_ID = "proxy/addresses/http";

/** Targets with weight 0 get nothing; targets that differ only in their weight count as one, with the weights added up. */
export function createProxySnapshot(targets: readonly ProxyTarget[]): Snapshot {
  const groups = new Map<string, ProxyTarget[]>();
  for (const target of targets) {
    if (target.weight === 0) continue;
    const id = upstreamIdOf(target);
    groups.set(id, [...(groups.get(id) ?? []), target]);
  }
  const upstreams: Upstream[] = [];
  const endpoints: EndpointSet[] = [];
  const shares: WeightedUpstream[] = [];
  for (const [id, [first, ...others]] of [...groups].toSorted(([left], [right]) => compareStrings(left, right))) {
    if (first === undefined) continue;
    const members = [first, ...others];
    upstreams.push(createUpstream(id, first));
    if (first.isAddress) endpoints.push({ upstream: id, endpoints: createEndpoints(members) });
    shares.push({ upstream: id, weight: boundWeight(members.reduce((sum, { weight }) => sum + weight, 0)) });
  }
  return {
    routeTable: { virtualHosts: [{ host: "", routes: [createRoute(shares)] }], tlsHosts: [] },
    upstreams,
    certificates: [],
    defaultCertificate: null,
    endpoints,
  };
}

/** Names change their addresses, and certificates speak for one name: both need a pool of their own. */
function upstreamIdOf({ protocol, host, port, isAddress }: ProxyTarget): string {
  if (protocol === "https") return `proxy/${host}/${port}/https`;
  return isAddress ? ADDRESSES_ID : `proxy/${host}/${port}`;
}

function createUpstream(id: string, { protocol, host, port, isAddress }: ProxyTarget): Upstream {
  return {
    id,
    protocol,
    tls: protocol === "https" ? { serverName: host, caPem: null } : null,
    dnsName: isAddress ? null : { host, port },
  };
}

/** Sorted by address, then port; no duplicates. */
function createEndpoints(targets: readonly ProxyTarget[]): readonly Endpoint[] {
  const byAddress = new Map<string, Endpoint>();
  for (const { host: address, port, weight } of targets) {
    const key = `${address} ${port}`;
    const known = byAddress.get(key)?.weight ?? 0;
    byAddress.set(key, { ...plainEndpoint(address, port), weight: boundWeight(known + weight) });
  }
  return [...byAddress.values()].toSorted(
    (left, right) => compareStrings(left.address, right.address) || left.port - right.port,
  );
}

/** The largest weight of the IR. */
const MAX_WEIGHT = 1_000_000;

function boundWeight(weight: number): number {
  return Math.min(weight, MAX_WEIGHT);
}

function createRoute(upstreams: readonly WeightedUpstream[]): Route {
  return {
    id: "proxy/everything",
    path: { kind: "prefix", value: "/" },
    action: { kind: "forward", upstreams },
    policy: DEFAULT_ROUTE_POLICY,
    source: { object: { kind: "CommandLine", namespace: "", name: "proxy" }, field: "--to" },
  };
}
