// Where a route's traffic goes, for explanations: upstreams with their shares, endpoints with their condition.
import type { WeightedUpstream } from "../../ir/route-table.ts";
import type { Snapshot } from "../../ir/snapshot.ts";
import type { Endpoint, Upstream } from "../../ir/upstream.ts";
import { usableEndpoints } from "../../ir/upstream.ts";

export interface ExplainedUpstream {
  readonly id: string;
  readonly weight: number;
  /** Of the route's requests, 0 to 1. */
  readonly share: number;
  readonly protocol: Upstream["protocol"];
  /** Name that the upstream's certificate is verified against; null for plain HTTP. */
  readonly serverName: string | null;
  /** `name:port` where endpoints are resolved from a name; null otherwise. */
  readonly dnsName: string | null;
  readonly endpoints: readonly ExplainedEndpoint[];
}

export interface ExplainedEndpoint {
  /** `address:port`. */
  readonly address: string;
  readonly weight: number;
  readonly zone: string | null;
  readonly condition: EndpointCondition;
  readonly takesTraffic: boolean;
}

export type EndpointCondition = "ready" | "terminating, still serves" | "terminating" | "not ready";

export function explainUpstreams(snapshot: Snapshot, backends: readonly WeightedUpstream[]): ExplainedUpstream[] {
  const total = backends.reduce((sum, backend) => sum + backend.weight, 0);
  return backends.flatMap(({ upstream: id, weight }) => {
    const upstream = snapshot.upstreams.find((candidate) => candidate.id === id);
    if (upstream === undefined) return [];
    const { protocol, tls, dnsName } = upstream;
    return [
      {
        id,
        weight,
        share: total === 0 ? 0 : weight / total,
        protocol,
        serverName: tls === null ? null : tls.serverName,
        dnsName: dnsName === null ? null : `${dnsName.host}:${dnsName.port}`,
        endpoints: explainEndpoints(snapshot.endpoints.find((set) => set.upstream === id)?.endpoints ?? []),
      },
    ];
  });
}

function explainEndpoints(endpoints: readonly Endpoint[]): ExplainedEndpoint[] {
  const usable = usableEndpoints(endpoints);
  return endpoints.map((endpoint) => ({
    address: endpoint.address.includes(":")
      ? `[${endpoint.address}]:${endpoint.port}`
      : `${endpoint.address}:${endpoint.port}`,
    weight: endpoint.weight,
    zone: endpoint.zone,
    condition: conditionOf(endpoint),
    takesTraffic: usable.includes(endpoint),
  }));
}

function conditionOf({ ready, serving, terminating }: Endpoint): EndpointCondition {
  if (ready) return "ready";
  if (!terminating) return "not ready";
  return serving ? "terminating, still serves" : "terminating";
}
