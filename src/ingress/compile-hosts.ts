// The virtual hosts of a snapshot, ready for lookup. A host of the running snapshot that did not change, nor what it forwards
// to, is taken over whole.
import { createRoundRobin } from "../engine/balance/round-robin.ts";
import type { Route, VirtualHost, WeightedUpstream } from "../ir/route-table.ts";
import type { SlicedWork, SliceMeter } from "../lib/sliced-work.ts";
import type { UpstreamsById } from "./compile-upstreams.ts";
import { CompiledRoute, LimitsPool } from "./compiled-route.ts";
import type { CompiledUpstream } from "./compiled-upstream.ts";
import { CompiledVirtualHost } from "./compiled-virtual-host.ts";
import { HostTable } from "./host-table.ts";
import { patternOf } from "./path-pattern.ts";
import { PathTrieBuilder } from "./path-trie-builder.ts";
import { CHARACTER_UNITS, KEPT_UNITS, NEW_UNITS } from "./work-units.ts";

/** What hosts are compiled from. */
export interface HostSource {
  readonly virtualHosts: readonly VirtualHost[];
  /** Where routes forward to. */
  readonly upstreams: UpstreamsById;
  /** As in UpstreamEnvironment, for splits. */
  readonly randomTurn: () => number;
}

/** @throws Error for a host that comes twice, and for an upstream that a route uses and nobody defines. */
export function* compileHosts(
  source: HostSource,
  previous: HostTable<CompiledVirtualHost> | null,
  meter: SliceMeter,
): SlicedWork<HostTable<CompiledVirtualHost>> {
  const compiler = new HostCompiler(source, meter);
  const hosts = new HostTable<CompiledVirtualHost>();
  for (const virtualHost of source.virtualHosts) {
    const former = previous === null ? null : previous.entry(virtualHost.host);
    if (former?.virtualHost === virtualHost && compiler.isCurrent(former)) {
      hosts.add(virtualHost.host, former);
      if (meter.isFullAfter(KEPT_UNITS * (1 + former.routes.length))) yield;
    } else {
      hosts.add(virtualHost.host, yield* compiler.compile(virtualHost, former));
    }
  }
  return hosts;
}

const NO_SPLITS: ReadonlyMap<string, number> = new Map();

class HostCompiler {
  readonly #source: HostSource;
  readonly #meter: SliceMeter;
  readonly #limits = new LimitsPool();

  constructor(source: HostSource, meter: SliceMeter) {
    this.#source = source;
    this.#meter = meter;
  }

  /** Whether a host of the running snapshot forwards to the upstreams of this one. */
  isCurrent(former: CompiledVirtualHost): boolean {
    return former.routes.every(({ upstreams }) =>
      upstreams.every((upstream) => this.#source.upstreams.get(upstream.upstream.id) === upstream),
    );
  }

  /** @param former what served the same host in the running snapshot. */
  *compile(virtualHost: VirtualHost, former: CompiledVirtualHost | null): SlicedWork<CompiledVirtualHost> {
    const splitTurns = former === null ? NO_SPLITS : former.splitTurns();
    const routes: CompiledRoute[] = [];
    const paths = new PathTrieBuilder<CompiledRoute>();
    for (const route of virtualHost.routes) {
      const compiled = this.#compileRoute(route, splitTurns);
      routes.push(compiled);
      const pattern = patternOf(route);
      if (pattern !== null) paths.add(pattern, compiled);
      if (this.#meter.isFullAfter(unitsOf(route, compiled))) yield;
    }
    return new CompiledVirtualHost(virtualHost, routes, yield* paths.finish(this.#meter));
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
    const turn = splitTurns.get(route.id) ?? this.#source.randomTurn();
    return new CompiledRoute(route, limits, targets, createRoundRobin(shares, turn));
  }

  #upstreamOf(route: Route, { upstream: id }: WeightedUpstream): CompiledUpstream {
    const upstream = this.#source.upstreams.get(id);
    if (upstream !== undefined) return upstream;
    throw new Error(`route ${route.id} uses upstream "${id}", which is not in the snapshot`);
  }
}

/** A path with an element every other character costs a step each. */
function unitsOf({ path }: Route, { upstreams }: CompiledRoute): number {
  return NEW_UNITS + path.value.length * CHARACTER_UNITS + upstreams.length * KEPT_UNITS;
}
