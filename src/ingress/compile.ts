// Turns a snapshot into the structures that requests are looked up in, beside the ones that serve, and without touching
// them. Throws where the snapshot contradicts itself: the worker then refuses it and serves on with what it has.
import { createRoundRobin } from "../engine/balance/round-robin.ts";
import type { Route, VirtualHost, WeightedUpstream } from "../ir/route-table.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { UpstreamEnvironment, UpstreamsById } from "./compile-upstreams.ts";
import { compileUpstreams } from "./compile-upstreams.ts";
import { CompiledRoute, LimitsPool } from "./compiled-route.ts";
import type { CompiledUpstream } from "./compiled-upstream.ts";
import { CompiledVirtualHost } from "./compiled-virtual-host.ts";
import { HostTable } from "./host-table.ts";
import { IdentityTable } from "./identity-table.ts";
import type { IdentityOptions } from "./identity-table.ts";
import type { PathPattern } from "./path-trie.ts";
import { PathTrie } from "./path-trie.ts";
import { canonicalizeConfiguredPath } from "./request-path.ts";

/** Everything that a request is served from; a request keeps the one that it began with. */
export interface CompiledSnapshot {
  readonly hosts: HostTable<CompiledVirtualHost>;
  readonly upstreams: UpstreamsById;
  readonly identities: IdentityTable;
}

/** What a worker has for all its snapshots. */
export interface CompileEnvironment extends UpstreamEnvironment {
  readonly identities: IdentityOptions;
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
  const upstreams = compileUpstreams(snapshot, previous === null ? null : previous.upstreams, environment);
  const compiler = new HostCompiler(upstreams, environment.randomTurn);
  const { virtualHosts, tlsHosts } = snapshot.routeTable;
  const hosts = new HostTable(
    virtualHosts.map((virtualHost) => {
      const former = previous === null ? null : previous.hosts.entry(virtualHost.host);
      return [virtualHost.host, compiler.compile(virtualHost, former)];
    }),
  );
  const { certificates, defaultCertificate } = snapshot;
  const identities = new IdentityTable(
    { tlsHosts, certificates, defaultCertificate },
    environment.identities,
    previous === null ? null : previous.identities,
  );
  return { hosts, upstreams, identities };
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

const NO_SPLITS: ReadonlyMap<string, number> = new Map();

class HostCompiler {
  readonly #upstreams: UpstreamsById;
  readonly #randomTurn: () => number;
  readonly #limits = new LimitsPool();

  constructor(upstreams: UpstreamsById, randomTurn: () => number) {
    this.#upstreams = upstreams;
    this.#randomTurn = randomTurn;
  }

  /** @param former what served the same host in the running snapshot. */
  compile(virtualHost: VirtualHost, former: CompiledVirtualHost | null): CompiledVirtualHost {
    if (former?.virtualHost === virtualHost && this.#isCurrent(former)) return former;
    const splitTurns = former === null ? NO_SPLITS : former.splitTurns();
    const routes: CompiledRoute[] = [];
    const entries: [PathPattern, CompiledRoute][] = [];
    for (const route of virtualHost.routes) {
      const compiled = this.#compileRoute(route, splitTurns);
      routes.push(compiled);
      const pattern = patternOf(route);
      if (pattern !== null) entries.push([pattern, compiled]);
    }
    return new CompiledVirtualHost(virtualHost, routes, new PathTrie(entries));
  }

  /** Whether a host of the running snapshot forwards to the upstreams of this one. */
  #isCurrent(former: CompiledVirtualHost): boolean {
    return former.routes.every(({ upstreams }) =>
      upstreams.every((upstream) => this.#upstreams.get(upstream.upstream.id) === upstream),
    );
  }

  #compileRoute(route: Route, splitTurns: ReadonlyMap<string, number>): CompiledRoute {
    const limits = this.#limits.limitsOf(route.policy);
    if (route.action.kind === "respond") return new CompiledRoute(route, limits, [], null);
    const { upstreams } = route.action;
    const [first] = upstreams;
    if (first !== undefined && first.weight > 0 && upstreams.length === 1) {
      return new CompiledRoute(route, limits, [this.#upstreamOf(route, first)], null);
    }
    const targets = upstreams.map((upstream) => this.#upstreamOf(route, upstream));
    const shares = upstreams.map(({ weight }, index) => ({ target: targets[index] as CompiledUpstream, weight }));
    const turn = splitTurns.get(route.id) ?? this.#randomTurn();
    return new CompiledRoute(route, limits, targets, createRoundRobin(shares, turn));
  }

  #upstreamOf(route: Route, { upstream: id }: WeightedUpstream): CompiledUpstream {
    const upstream = this.#upstreams.get(id);
    if (upstream !== undefined) return upstream;
    throw new Error(`route ${route.id} uses upstream "${id}", which is not in the snapshot`);
  }
}
