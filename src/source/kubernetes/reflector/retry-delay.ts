// How long a reflector waits before it tries again. Pure, but for counting failures.
import { backOffDelay } from "../../../lib/back-off.ts";

/** Milliseconds. */
export interface RetryTiming {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** What is forbidden or not installed is looked at again after so long: half of it fixed, half random. */
  readonly unavailableDelayMs: number;
  /** The longest `Retry-After` that is obeyed. */
  readonly maxRetryAfterMs: number;
}

export const DEFAULT_RETRY_TIMING: RetryTiming = {
  firstDelayMs: 100,
  maxDelayMs: 30_000,
  unavailableDelayMs: 10_000,
  maxRetryAfterMs: 120_000,
};

/** Doubling, capped, and spread so that many that failed together do not come back together. */
export class RetryDelay {
  readonly #timing: RetryTiming;
  readonly #random: () => number;
  #failures = 0;

  /** @param random from 0 to 1. */
  constructor(timing: RetryTiming, random: () => number) {
    this.#timing = timing;
    this.#random = random;
  }

  /** Something went well: the next failure is the first. */
  reset(): void {
    this.#failures = 0;
  }

  /** After one more failure; never less than the server asked for. */
  next(retryAfterMs: number | null): number {
    this.#failures += 1;
    const asked = Math.min(retryAfterMs ?? 0, this.#timing.maxRetryAfterMs);
    return asked + backOffDelay(this.#failures, this.#timing, this.#random());
  }

  /** For what somebody has to grant or install first. */
  unavailable(): number {
    const delayMs = this.#timing.unavailableDelayMs;
    return backOffDelay(1, { firstDelayMs: delayMs, maxDelayMs: delayMs }, this.#random());
  }
}
