// Holds new diagnostics back for a moment: most of what is wrong while many objects are applied is right a second later.
import type { Clock, ClockTimer } from "../../../lib/clock.ts";

export interface HoldBackOptions<T> {
  readonly clock: Clock;
  /** 0: nothing is held back. */
  readonly holdMs: number;
  /** Called in the order of arrival with all whose time has come. */
  readonly release: (entries: readonly T[]) => void;
}

export class HoldBack<T> {
  readonly #options: HoldBackOptions<T>;
  /** Until when, the earliest first, since all are held equally long. */
  readonly #held = new Map<T, number>();
  #timer: ClockTimer | null = null;

  constructor(options: HoldBackOptions<T>) {
    this.#options = options;
  }

  add(entries: readonly T[]): void {
    const { clock, holdMs, release } = this.#options;
    if (holdMs === 0) return release(entries);
    for (const entry of entries) this.#held.set(entry, clock.now() + holdMs);
    this.#schedule();
  }

  /** It has become pointless. */
  delete(entry: T): void {
    this.#held.delete(entry);
  }

  clear(): void {
    this.#held.clear();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(): void {
    const [until] = this.#held.values();
    if (until === undefined || this.#timer !== null) return;
    const { clock } = this.#options;
    this.#timer = clock.setTimer(() => this.#releaseDue(), Math.max(0, until - clock.now()));
  }

  #releaseDue(): void {
    const now = this.#options.clock.now();
    this.#timer = null;
    const due: T[] = [];
    for (const [entry, until] of this.#held) {
      if (until > now) break;
      due.push(entry);
      this.#held.delete(entry);
    }
    if (due.length > 0) this.#options.release(due);
    this.#schedule();
  }
}
