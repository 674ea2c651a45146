// The upstreams of a snapshot, each with its endpoints. What the running snapshot has already is taken over, with the state
// of its balancing; nothing of the running snapshot is changed.
import type { Snapshot } from "../ir/snapshot.ts";
import { areSameEndpoints } from "../ir/upstream.ts";
import type { Endpoint, Upstream } from "../ir/upstream.ts";
import type { SlicedWork, SliceMeter } from "../lib/sliced-work.ts";
import { CompiledUpstream } from "./compiled-upstream.ts";
import type { UpstreamTrust } from "./upstream-trust.ts";
import { KEPT_UNITS, NEW_UNITS } from "./work-units.ts";

export type UpstreamsById = ReadonlyMap<string, CompiledUpstream>;

export interface UpstreamEnvironment {
  readonly trust: UpstreamTrust;
  /** A random integer below 2^30: where the balancing of a new list begins, so that workers do not all begin alike. */
  readonly randomTurn: () => number;
}

const NO_ENDPOINTS: readonly Endpoint[] = [];

/** @throws Error for an upstream that comes twice. */
export function* compileUpstreams(
  snapshot: Snapshot,
  previous: UpstreamsById | null,
  environment: UpstreamEnvironment,
  meter: SliceMeter,
): SlicedWork<UpstreamsById> {
  const endpointsByUpstream = new Map<string, readonly Endpoint[]>();
  for (const { upstream, endpoints } of snapshot.endpoints) {
    endpointsByUpstream.set(upstream, endpoints);
    if (meter.isFullAfter(KEPT_UNITS)) yield;
  }
  const upstreams = new Map<string, CompiledUpstream>();
  for (const upstream of snapshot.upstreams) {
    if (upstreams.has(upstream.id)) throw new Error(`upstream "${upstream.id}" comes twice`);
    const endpoints = endpointsByUpstream.get(upstream.id) ?? NO_ENDPOINTS;
    const former = previous?.get(upstream.id) ?? null;
    const stays = former !== null && isUnchanged(former, upstream, endpoints);
    upstreams.set(upstream.id, stays ? former : startUpstream(upstream, endpoints, former, environment));
    if (meter.isFullAfter(unitsOf(former, upstream, endpoints))) yield;
  }
  return upstreams;
}

function startUpstream(
  upstream: Upstream,
  endpoints: readonly Endpoint[],
  former: CompiledUpstream | null,
  environment: UpstreamEnvironment,
): CompiledUpstream {
  const turn = former === null ? environment.randomTurn() : former.turn;
  return new CompiledUpstream({ upstream, endpoints, trust: environment.trust, turn });
}

/**
 * Snapshots keep the objects that stay, so identity tells nearly always. Content is compared where
 * it may save something: a state of balancing, and the peers that running requests know.
 */
function isUnchanged(former: CompiledUpstream, upstream: Upstream, endpoints: readonly Endpoint[]): boolean {
  if (former.upstream === upstream && former.endpoints === endpoints) return true;
  return former.hasServed && isSameUpstream(former.upstream, upstream) && areSameEndpoints(former.endpoints, endpoints);
}

/** Comparing endpoints costs as much as there are. */
function unitsOf(former: CompiledUpstream | null, upstream: Upstream, endpoints: readonly Endpoint[]): number {
  const isKnown = former?.upstream === upstream && former.endpoints === endpoints;
  return isKnown ? KEPT_UNITS : NEW_UNITS + KEPT_UNITS * endpoints.length;
}

/** Whether requests to the one are as good as requests to the other. */
export function isSameUpstream(a: Upstream, b: Upstream): boolean {
  return (
    a.protocol === b.protocol &&
    a.tls?.serverName === b.tls?.serverName &&
    a.tls?.caPem === b.tls?.caPem &&
    a.dnsName?.host === b.dnsName?.host &&
    a.dnsName?.port === b.dnsName?.port
  );
}
