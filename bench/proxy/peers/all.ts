// The proxies of the comparison, in the order of the report's columns; nginx is what the others are compared with.
import { caddy } from "./caddy.ts";
import { envoy } from "./envoy.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { penstock } from "./penstock.ts";

export const PEERS: readonly Peer[] = [nginx, haproxy, envoy, caddy, penstock];

/** The column that ratios refer to. */
export const BASELINE: string = nginx.name;
