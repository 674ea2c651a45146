// Everything a worker serves, as one immutable value.
import type { Certificate } from "./certificate.ts";
import type { RouteTable } from "./route-table.ts";
import type { EndpointSet, Upstream } from "./upstream.ts";

export interface Snapshot {
  readonly routeTable: RouteTable;
  /** Sorted by id. */
  readonly upstreams: readonly Upstream[];
  /** Sorted by id. */
  readonly certificates: readonly Certificate[];
  /** Id of the certificate for server names without one; null: the self-signed one made at start. */
  readonly defaultCertificate: string | null;
  /** Sorted by upstream; upstreams with a `dnsName` have no entry here. */
  readonly endpoints: readonly EndpointSet[];
}

/** What a worker serves before it is told anything. */
export const EMPTY_SNAPSHOT: Snapshot = {
  routeTable: { virtualHosts: [], tlsHosts: [] },
  upstreams: [],
  certificates: [],
  defaultCertificate: null,
  endpoints: [],
};
