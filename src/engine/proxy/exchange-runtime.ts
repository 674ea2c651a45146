// What all requests of one proxy share.
import type { ConnectionPool } from "../upstream/connection-pool.ts";
import type { TrustPredicate } from "./forwarding.ts";
import type { PhaseSlots } from "./phases.ts";
import type { ExchangeLimits } from "./session.ts";

export interface ExchangeRuntime<Ctx> {
  readonly slots: PhaseSlots<Ctx>;
  readonly pool: ConnectionPool;
  readonly limits: ExchangeLimits;
  /** Slowest request body, bytes a second; 0: no bound. */
  readonly minBodyRate: number;
  readonly trusts: TrustPredicate;
  isDraining: boolean;
}
