// Notices that a stream has fallen silent for longer than it ever should. One coarse timer, nothing per event.
import type { Clock, ClockTimer } from "../../../lib/clock.ts";

export interface SilenceWatchdogOptions {
  readonly clock: Clock;
  /** Milliseconds without a byte that are too long, as of now; it may shrink while the watchdog waits. */
  readonly limitMs: () => number;
  /** Looks at least this often, in milliseconds. */
  readonly checkMs: number;
  readonly onSilence: () => void;
}

export class SilenceWatchdog {
  readonly #options: SilenceWatchdogOptions;
  #heardAtMs: number;
  #timer: ClockTimer | null = null;
  #hasFired = false;

  constructor(options: SilenceWatchdogOptions) {
    this.#options = options;
    this.#heardAtMs = options.clock.now();
    this.#wait();
  }

  /** True once the silence was too long. */
  get hasFired(): boolean {
    return this.#hasFired;
  }

  /** Something came. */
  heard(): void {
    this.#heardAtMs = this.#options.clock.now();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #wait(): void {
    const { clock, limitMs, checkMs } = this.#options;
    const leftMs = this.#heardAtMs + limitMs() - clock.now();
    this.#timer = clock.setTimer(() => this.#check(), Math.max(1, Math.min(leftMs, checkMs)));
  }

  #check(): void {
    const { clock, limitMs, onSilence } = this.#options;
    if (clock.now() - this.#heardAtMs < limitMs()) {
      this.#wait();
      return;
    }
    this.#timer = null;
    this.#hasFired = true;
    onSilence();
  }
}
