// A named pool of endpoints, and the endpoints themselves, which change on a lane of their own.

export interface Upstream {
  /** Stable: `namespace/service/port`, plus a suffix where settings make it another pool (`…/https`). */
  readonly id: string;
  readonly protocol: "http" | "https";
  /** Set where `protocol` is https. */
  readonly tls: UpstreamTls | null;
  /** A name to resolve (Service of type ExternalName); null where endpoints come from EndpointSlices. */
  readonly dnsName: DnsName | null;
}

export interface DnsName {
  readonly host: string;
  readonly port: number;
}

export interface UpstreamTls {
  /** Sent as SNI and verified against the certificate. */
  readonly serverName: string;
  /** PEM; null for the system's roots. */
  readonly caPem: string | null;
}

/** All endpoints of one upstream. */
export interface EndpointSet {
  /** Id of an Upstream. */
  readonly upstream: string;
  /** Sorted by address, then port; no duplicates. */
  readonly endpoints: readonly Endpoint[];
}

export interface Endpoint {
  /** IPv4 or IPv6, without brackets. */
  readonly address: string;
  readonly port: number;
  /** Relative, 1 to 1,000,000. */
  readonly weight: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zone: string | null;
  /** EndpointSlice hints: the zones that should use this endpoint; sorted. */
  readonly forZones: readonly string[];
  readonly node: string | null;
}

/** An endpoint of which nothing is known but where it is. */
export function plainEndpoint(address: string, port: number): Endpoint {
  return {
    address,
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

/** True where both say the same of the same address; identity is not asked for. */
function isSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return (
    one.address === other.address &&
    one.port === other.port &&
    one.weight === other.weight &&
    one.ready === other.ready &&
    one.serving === other.serving &&
    one.terminating === other.terminating &&
    one.zone === other.zone &&
    one.node === other.node &&
    one.forZones.length === other.forZones.length &&
    one.forZones.every((zone, i) => zone === other.forZones[i])
  );
}

/** The same endpoints in the same order. */
export function areSameEndpoints(some: readonly Endpoint[], others: readonly Endpoint[]): boolean {
  return some.length === others.length && some.every((one, i) => isSameEndpoint(one, others[i] as Endpoint));
}

/**
 * The endpoints that may take traffic: the ready ones; where there are none, those that still serve
 * while they terminate (KEP-1669).
 */
export function usableEndpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  return ready.length > 0 ? ready : endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating);
}
