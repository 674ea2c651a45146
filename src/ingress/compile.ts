// Turns a snapshot into the structures that requests are looked up in, beside the ones that serve, and without touching
// them. Throws where the snapshot contradicts itself: the worker then refuses it and serves on with what it has.
import type { Backend, Balancer } from "../engine/balance/balancer.ts";
import { createRoundRobin } from "../engine/balance/round-robin.ts";
import type { Route, VirtualHost, WeightedUpstream } from "../ir/route-table.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { Endpoint, EndpointSet, Upstream } from "../ir/upstream.ts";
import { CompiledRoute, LimitsPool } from "./compiled-route.ts";
import type { RouteTargets } from "./compiled-route.ts";
import { CompiledUpstream } from "./compiled-upstream.ts";
import { HostTable } from "./host-table.ts";
import { IdentityTable } from "./identity-table.ts";
import type { IdentityOptions } from "./identity-table.ts";
import type { PathPattern } from "./path-trie.ts";
import { PathTrie } from "./path-trie.ts";
import { canonicalizeConfiguredPath } from "./request-path.ts";
import type { UpstreamTrust } from "./upstream-trust.ts";

export interface CompiledVirtualHost {
  readonly virtualHost: VirtualHost;
  readonly paths: PathTrie<CompiledRoute>;
}

/** Everything that a request is served from; a request keeps the one that it began with. */
export interface CompiledSnapshot {
  readonly hosts: HostTable<CompiledVirtualHost>;
  readonly upstreams: ReadonlyMap<string, CompiledUpstream>;
  readonly identities: IdentityTable;
  /** Routes that share traffic out, by id; their successors go on where they stand. */
  readonly splits: ReadonlyMap<string, CompiledRoute>;
}

/** What a worker has for all its snapshots. */
export interface CompileEnvironment {
  readonly identities: IdentityOptions;
  readonly trust: UpstreamTrust;
  /** A random integer below 2^30: where the balancing of a new list begins, so that workers do not all begin alike. */
  readonly randomTurn: () => number;
}

/**
 * @param previous the snapshot that serves now: what did not change is taken over, with its state.
 * @throws Error that names the contradiction, for example an upstream that a route uses and nobody defines.
 */
export function compileSnapshot(
  snapshot: Snapshot,
  previous: CompiledSnapshot | null,
  environment: CompileEnvironment,
): CompiledSnapshot {
  const upstreams = compileUpstreams(snapshot, previous, environment);
  const routes = new RouteCompiler(upstreams, previous, environment);
  const { virtualHosts, tlsHosts } = snapshot.routeTable;
  const hosts = new HostTable(virtualHosts.map((virtualHost) => [virtualHost.host, routes.compileHost(virtualHost)]));
  const { certificates, defaultCertificate } = snapshot;
  const identities = new IdentityTable(
    { tlsHosts, certificates, defaultCertificate },
    environment.identities,
    previous === null ? null : previous.identities,
  );
  return { hosts, upstreams, identities, splits: routes.splits };
}

/** Replaces the endpoints of the named upstreams only; those that are not in the snapshot are passed over. */
export function applyEndpoints(compiled: CompiledSnapshot, changed: readonly EndpointSet[]): void {
  for (const { upstream, endpoints } of changed) compiled.upstreams.get(upstream)?.replaceEndpoints(endpoints);
}

/** A route's path as the trie takes it; null where no request can match it. */
export function patternOf(route: Route): PathPattern | null {
  const path = canonicalizeConfiguredPath(route.path.value);
  return path === null ? null : { kind: route.path.kind, path };
}

class RouteCompiler {
  readonly splits = new Map<string, CompiledRoute>();
  readonly #upstreams: ReadonlyMap<string, CompiledUpstream>;
  readonly #previous: CompiledSnapshot | null;
  readonly #environment: CompileEnvironment;
  readonly #limits = new LimitsPool();
  /** The last one that was looked up: the routes of a host mostly go to one upstream. */
  #lastUpstream: CompiledUpstream | null = null;

  constructor(
    upstreams: ReadonlyMap<string, CompiledUpstream>,
    previous: CompiledSnapshot | null,
    environment: CompileEnvironment,
  ) {
    this.#upstreams = upstreams;
    this.#previous = previous;
    this.#environment = environment;
  }

  compileHost(virtualHost: VirtualHost): CompiledVirtualHost {
    const entries: [PathPattern, CompiledRoute][] = [];
    for (const route of virtualHost.routes) {
      const compiled = this.#compileRoute(route);
      const pattern = patternOf(route);
      if (pattern !== null) entries.push([pattern, compiled]);
    }
    return { virtualHost, paths: new PathTrie(entries) };
  }

  #compileRoute(route: Route): CompiledRoute {
    const limits = this.#limits.limitsOf(route.policy);
    const compiled = new CompiledRoute(route, limits, this.#targetsOf(route));
    if (route.action.kind === "forward" && route.action.backends.length > 1) this.splits.set(route.id, compiled);
    return compiled;
  }

  #targetsOf(route: Route): RouteTargets {
    if (route.action.kind === "respond") return { upstream: null, split: null };
    const { backends } = route.action;
    const [only] = backends;
    if (only !== undefined && backends.length === 1) {
      return { upstream: only.weight > 0 ? this.#upstreamOf(route, only) : null, split: null };
    }
    return { upstream: null, split: this.#split(route, backends) };
  }

  #split(route: Route, backends: readonly WeightedUpstream[]): Balancer<CompiledUpstream> {
    const targets: Backend<CompiledUpstream>[] = backends.map((backend) => ({
      target: this.#upstreamOf(route, backend),
      weight: backend.weight,
    }));
    return createRoundRobin(targets, this.#previous?.splits.get(route.id)?.splitTurn ?? this.#environment.randomTurn());
  }

  #upstreamOf(route: Route, backend: WeightedUpstream): CompiledUpstream {
    if (this.#lastUpstream !== null && this.#lastUpstream.upstream.id === backend.upstream) return this.#lastUpstream;
    const upstream = this.#upstreams.get(backend.upstream);
    if (upstream === undefined) {
      throw new Error(`route ${route.id} uses upstream "${backend.upstream}", which is not in the snapshot`);
    }
    this.#lastUpstream = upstream;
    return upstream;
  }
}

const NO_ENDPOINTS: readonly Endpoint[] = [];

function compileUpstreams(
  snapshot: Snapshot,
  previous: CompiledSnapshot | null,
  environment: CompileEnvironment,
): ReadonlyMap<string, CompiledUpstream> {
  const endpointsByUpstream = new Map<string, readonly Endpoint[]>();
  for (const set of snapshot.endpoints) endpointsByUpstream.set(set.upstream, set.endpoints);
  const upstreams = new Map<string, CompiledUpstream>();
  for (const upstream of snapshot.upstreams) {
    if (upstreams.has(upstream.id)) throw new Error(`upstream "${upstream.id}" comes twice`);
    const endpoints = endpointsByUpstream.get(upstream.id) ?? NO_ENDPOINTS;
    const former = previous?.upstreams.get(upstream.id) ?? null;
    const stays = former?.hasServed === true && isUnchanged(former, upstream, endpoints);
    upstreams.set(upstream.id, stays ? former : startUpstream(upstream, endpoints, former, environment));
  }
  return upstreams;
}

function startUpstream(
  upstream: Upstream,
  endpoints: readonly Endpoint[],
  former: CompiledUpstream | null,
  environment: CompileEnvironment,
): CompiledUpstream {
  const turn = former === null ? environment.randomTurn() : former.turn;
  return new CompiledUpstream({ upstream, endpoints, trust: environment.trust, turn });
}

function isUnchanged(former: CompiledUpstream, upstream: Upstream, endpoints: readonly Endpoint[]): boolean {
  return isSameUpstream(former.upstream, upstream) && areSameEndpoints(former.endpoints, endpoints);
}

function isSameUpstream(a: Upstream, b: Upstream): boolean {
  return (
    a.protocol === b.protocol &&
    a.tls?.serverName === b.tls?.serverName &&
    a.tls?.caPem === b.tls?.caPem &&
    a.dnsName?.host === b.dnsName?.host &&
    a.dnsName?.port === b.dnsName?.port
  );
}

function areSameEndpoints(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, index) => isSameEndpoint(endpoint, b[index] as Endpoint));
}

function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.weight === b.weight &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    a.zone === b.zone &&
    a.node === b.node &&
    a.forZones.length === b.forZones.length &&
    a.forZones.every((zone, index) => zone === b.forZones[index])
  );
}
