// The proxies of the comparison, in the order of the report's columns; nginx is what the others are compared with.
import { envoy } from "./envoy.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { penstock } from "./penstock.ts";

export const PEERS: readonly Peer[] = [nginx, haproxy, envoy, penstock];

/** The column that ratios refer to. */
export const BASELINE: string = nginx.name;
