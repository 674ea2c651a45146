// How long writes of one kind wait after a failure that all of them would meet: no API server, or one that is overloaded.
import type { BackOffTiming } from "../../lib/back-off.ts";
import { backOffDelay } from "../../lib/back-off.ts";
import type { Clock } from "../../lib/clock.ts";

export class WritePause {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #timing: BackOffTiming;
  #until = 0;
  #failures = 0;

  /** @param random from 0 to 1. */
  constructor(clock: Clock, random: () => number, timing: BackOffTiming) {
    this.#clock = clock;
    this.#random = random;
    this.#timing = timing;
  }

  /** Milliseconds of the clock; in the past where nothing waits. */
  get until(): number {
    return this.#until;
  }

  /** @param askedMs what the server asked us to wait; null where it did not. It gets no more than the longest pause. */
  begin(askedMs: number | null): void {
    const now = this.#clock.now();
    // Writes that were on their way together fail together, and count once.
    if (this.#until > now) return;
    this.#failures += 1;
    const delayMs = backOffDelay(this.#failures, this.#timing, this.#random());
    this.#until = now + Math.max(delayMs, Math.min(askedMs ?? 0, this.#timing.maxDelayMs));
  }

  /** The next pause is a first one again; one that goes on is not cut short. */
  succeeded(): void {
    this.#failures = 0;
  }

  reset(): void {
    this.#until = 0;
    this.#failures = 0;
  }
}
