// A route with everything that a request needs of it settled beforehand.
import type { Balancer } from "../engine/balance/balancer.ts";
import type { ExchangeLimits } from "../engine/proxy/session.ts";
import type { Route, RoutePolicy } from "../ir/route-table.ts";
import type { CompiledUpstream } from "./compiled-upstream.ts";

const NONE_TRIED: readonly CompiledUpstream[] = [];

export class CompiledRoute {
  readonly route: Route;
  /** Status that the proxy answers by itself; 0 where it forwards. */
  readonly respondStatus: number;
  readonly redirectsToHttps: boolean;
  /** Handed to the session as it is; shared by routes of equal policy. */
  readonly limits: ExchangeLimits;
  /** Where the route forwards to. */
  readonly upstreams: readonly CompiledUpstream[];
  readonly #only: CompiledUpstream | null;
  readonly #split: Balancer<CompiledUpstream> | null;

  /** @param split chooses among `upstreams` by weight; null where there is nothing to choose. */
  constructor(
    route: Route,
    limits: ExchangeLimits,
    upstreams: readonly CompiledUpstream[],
    split: Balancer<CompiledUpstream> | null,
  ) {
    this.route = route;
    this.respondStatus = route.action.kind === "respond" ? route.action.status : 0;
    this.redirectsToHttps = route.policy.sslRedirect;
    this.limits = limits;
    this.upstreams = upstreams;
    this.#only = split === null ? (upstreams[0] ?? null) : null;
    this.#split = split;
  }

  /** Where the successor's split goes on; null where nothing is split. */
  get splitTurn(): number | null {
    return this.#split === null ? null : this.#split.turn;
  }

  /** Chooses an upstream by weight, once a request; null where none takes traffic. */
  selectUpstream(): CompiledUpstream | null {
    return this.#split === null ? this.#only : this.#split.select(NONE_TRIED);
  }
}

/** Gives equal policies one object of limits, so that 10,000 routes hold a handful. */
export class LimitsPool {
  #last: ExchangeLimits | null = null;
  readonly #known = new Map<string, ExchangeLimits>();

  limitsOf(policy: RoutePolicy): ExchangeLimits {
    if (this.#last !== null && isSame(this.#last, policy)) return this.#last;
    const limits = limitsOf(policy);
    const key = JSON.stringify(limits);
    const known = this.#known.get(key) ?? limits;
    this.#known.set(key, known);
    this.#last = known;
    return known;
  }
}

function limitsOf(policy: RoutePolicy): ExchangeLimits {
  const { connectTimeoutMs, responseTimeoutMs, idleTimeoutMs, tunnelIdleTimeoutMs, maxBodyBytes, maxAttempts } = policy;
  return { connectTimeoutMs, responseTimeoutMs, idleTimeoutMs, tunnelIdleTimeoutMs, maxBodyBytes, maxAttempts };
}

function isSame(limits: ExchangeLimits, policy: RoutePolicy): boolean {
  return (
    limits.connectTimeoutMs === policy.connectTimeoutMs &&
    limits.responseTimeoutMs === policy.responseTimeoutMs &&
    limits.idleTimeoutMs === policy.idleTimeoutMs &&
    limits.tunnelIdleTimeoutMs === policy.tunnelIdleTimeoutMs &&
    limits.maxBodyBytes === policy.maxBodyBytes &&
    limits.maxAttempts === policy.maxAttempts
  );
}
