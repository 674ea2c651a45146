// Which request goes where. Virtual hosts and routes come sorted, most specific first; ids are stable across rebuilds.
import type { ObjectReference } from "./names.ts";

export interface RouteTable {
  /** Sorted by host; at most one entry a host. */
  readonly virtualHosts: readonly VirtualHost[];
  /** Which certificate a server name gets; sorted by host; at most one entry a host. */
  readonly tlsHosts: readonly TlsHost[];
}

export interface VirtualHost {
  /** Lower case: `shop.example`, `*.shop.example` (exactly one label), or `""` for every other host. */
  readonly host: string;
  /** Longest path first, exact before prefix; never two with the same match. */
  readonly routes: readonly Route[];
}

export interface TlsHost {
  /** As in VirtualHost, never `""`. */
  readonly host: string;
  /** Id of a Certificate; null where the Secret is missing or broken and the default certificate is served. */
  readonly certificate: string | null;
}

export interface Route {
  /** Stable: `namespace/ingress/rule/path`, for logs, metrics and explain. */
  readonly id: string;
  readonly path: PathMatch;
  readonly action: RouteAction;
  readonly policy: RoutePolicy;
  /** The object and field that this route came from. */
  readonly source: RouteSource;
}

export interface RouteSource {
  readonly object: ObjectReference;
  readonly field: string;
}

/** `prefix` matches by path element (`/foo` matches `/foo/bar`, never `/foobar`); `value` is the path as the user wrote it. */
export interface PathMatch {
  readonly kind: "exact" | "prefix";
  readonly value: string;
}

export type RouteAction = ForwardAction | RespondAction;

export interface ForwardAction {
  readonly kind: "forward";
  /** At least one. */
  readonly upstreams: readonly WeightedUpstream[];
}

export interface WeightedUpstream {
  /** Id of an Upstream. */
  readonly upstream: string;
  /** Relative, 0 to 1,000,000. */
  readonly weight: number;
}

/** The proxy answers by itself, for example 503 where the Service does not exist. */
export interface RespondAction {
  readonly kind: "respond";
  readonly status: number;
}

/** Every value is set: translation fills in the defaults. */
export interface RoutePolicy {
  readonly connectTimeoutMs: number;
  /** From the request's last byte to the response head. */
  readonly responseTimeoutMs: number;
  /** Between two reads or writes of a body, either way. */
  readonly idleTimeoutMs: number;
  /** Between two reads or writes of an upgraded connection. */
  readonly tunnelIdleTimeoutMs: number;
  /** 0: no limit. */
  readonly maxBodyBytes: number;
  /** Attempts in all, 1 to 3. */
  readonly maxAttempts: number;
  /** Answer plain HTTP with 308 to https. */
  readonly sslRedirect: boolean;
}

export const DEFAULT_ROUTE_POLICY: RoutePolicy = {
  connectTimeoutMs: 5_000,
  responseTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  tunnelIdleTimeoutMs: 3_600_000,
  maxBodyBytes: 0,
  maxAttempts: 3,
  sslRedirect: false,
};
