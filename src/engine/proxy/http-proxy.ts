// A proxy made from a ProxyHttp class: its compiled phases, its upstream connections and its timers, ready for a Server.
import { TimerWheel } from "../../lib/timer-wheel.ts";
import { ConnectionPool } from "../upstream/connection-pool.ts";
import type { DownstreamHandler, DownstreamStream } from "./downstream.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeRuntime } from "./exchange-runtime.ts";
import type { TrustPredicate } from "./forwarding.ts";
import { compilePhases } from "./phases.ts";
import type { ProxyHttp } from "./proxy-http.ts";
import type { ExchangeLimits } from "./session.ts";

export interface HttpProxyOptions {
  /** What applies where a phase sets nothing else. */
  readonly limits?: Partial<ExchangeLimits>;
  /** Slowest request body that is waited for, bytes a second after a grace of 10 s; default 100, 0: no bound. */
  readonly minBodyRate?: number;
  /** After so many milliseconds without a connection the phase `slowToConnect` is asked; default 1,250. */
  readonly slowConnectMs?: number;
  /** Which proxies before this one are believed; default none. */
  readonly trusts?: TrustPredicate;
}

export const DEFAULT_EXCHANGE_LIMITS: ExchangeLimits = {
  connectTimeoutMs: 5_000,
  responseTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  tunnelIdleTimeoutMs: 3_600_000,
  maxBodyBytes: 0,
  maxAttempts: 3,
};

/** What a Server needs of an application. */
export interface HttpApplication {
  readonly wheel: TimerWheel;
  readonly trusts: TrustPredicate;
  onRequest(stream: DownstreamStream): DownstreamHandler;
  /** No more requests will come on new connections. */
  drain(): void;
  /** Releases everything; nothing is served any more. */
  close(): void;
}

export interface HttpProxy extends HttpApplication {
  readonly pool: ConnectionPool;
}

/** Makes a proxy of a class with phases. */
export function httpProxy<Ctx>(proxy: ProxyHttp<Ctx>, options: HttpProxyOptions = {}): HttpProxy {
  const wheel = new TimerWheel();
  const pool = new ConnectionPool(wheel, options.slowConnectMs);
  const trusts = options.trusts ?? ((): boolean => false);
  const runtime: ExchangeRuntime<Ctx> = {
    slots: compilePhases(proxy),
    pool,
    limits: { ...DEFAULT_EXCHANGE_LIMITS, ...options.limits },
    minBodyRate: options.minBodyRate ?? 100,
    trusts,
    isDraining: false,
  };
  return {
    wheel,
    pool,
    trusts,
    onRequest(stream: DownstreamStream): DownstreamHandler {
      const exchange = new Exchange(runtime, stream);
      exchange.start();
      return exchange;
    },
    drain(): void {
      runtime.isDraining = true;
    },
    close(): void {
      runtime.isDraining = true;
      pool.close();
      wheel.stop();
    },
  };
}
