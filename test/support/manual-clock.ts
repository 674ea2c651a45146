// A clock that stands still until a test moves it.
import type { Clock, ClockTimer } from "../../src/lib/clock.ts";

interface PendingTimer {
  readonly dueAt: number;
  readonly order: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #timers = new Set<PendingTimer>();

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): ClockTimer {
    this.#order += 1;
    const timer = { dueAt: this.#now + Math.max(0, delayMs), order: this.#order, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Timers that have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer fires; null where none is set. */
  get nextDelayMs(): number | null {
    const next = this.#earliest(Infinity);
    return next === null ? null : next.dueAt - this.#now;
  }

  /** Moves time on, firing what falls due in order, timers set meanwhile included. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let timer = this.#earliest(until); timer !== null; timer = this.#earliest(until)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.dueAt);
      timer.callback();
    }
    this.#now = until;
  }

  /** Lets time jump without firing anything, as when the process was suspended; overdue timers fire at the next advance. */
  suspend(ms: number): void {
    this.#now += ms;
  }

  #earliest(until: number): PendingTimer | null {
    let earliest: PendingTimer | null = null;
    for (const timer of this.#timers) {
      if (timer.dueAt > until) continue;
      const isEarlier =
        earliest === null ||
        timer.dueAt < earliest.dueAt ||
        (timer.dueAt === earliest.dueAt && timer.order < earliest.order);
      if (isEarlier) earliest = timer;
    }
    return earliest;
  }
}
