// How often something may be done: so many times at once, then at a steady rate. Asks the clock when it is asked.
import type { Clock } from "./clock.ts";

export interface TokenBucketRate {
  readonly perSecond: number;
  /** What may be done at once after a quiet time; at least 1. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: TokenBucketRate;
  #tokens: number;
  #filledAt: number;

  constructor(clock: Clock, rate: TokenBucketRate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = clock.now();
  }

  /** Takes one token where there is one. @returns 0, or milliseconds until there will be one; none is taken then. */
  take(): number {
    const now = this.#clock.now();
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * perSecond) / 1_000);
    this.#filledAt = now;
    // Sums of fractions may end a hair below the whole.
    if (this.#tokens >= 1 - 1e-9) {
      this.#tokens = Math.max(0, this.#tokens - 1);
      return 0;
    }
    return ((1 - this.#tokens) * 1_000) / perSecond;
  }
}
