// Waits a moment after the first trigger so that a burst becomes one run, but never longer than a maximum.
import type { Clock, ClockTimer } from "../lib/clock.ts";

/** Milliseconds. */
export interface HoldOffTiming {
  /** Quiet time after the last trigger. */
  readonly delayMs: number;
  /** From the first trigger to the run at the latest, so that a storm of changes cannot starve it. */
  readonly maxDelayMs: number;
}

export class HoldOff {
  readonly #clock: Clock;
  readonly #timing: HoldOffTiming;
  readonly #run: () => void;
  #timer: ClockTimer | null = null;
  #firstTriggerAt = 0;
  #lastTriggerAt = 0;

  constructor(clock: Clock, timing: HoldOffTiming, run: () => void) {
    this.#clock = clock;
    this.#timing = timing;
    this.#run = run;
  }

  get isPending(): boolean {
    return this.#timer !== null;
  }

  /** Costs one clock reading while a run is pending: the timer is looked at again when it fires, not moved. */
  trigger(): void {
    this.#lastTriggerAt = this.#clock.now();
    if (this.#timer !== null) return;
    this.#firstTriggerAt = this.#lastTriggerAt;
    this.#arm(this.#timing.delayMs);
  }

  /** Drops a pending run. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => this.#onTimer(), delayMs);
  }

  #onTimer(): void {
    const { delayMs, maxDelayMs } = this.#timing;
    const dueAt = Math.min(this.#lastTriggerAt + delayMs, this.#firstTriggerAt + maxDelayMs);
    const remainingMs = dueAt - this.#clock.now();
    if (remainingMs > 0) {
      this.#arm(remainingMs);
      return;
    }
    this.#timer = null;
    this.#run();
  }
}
