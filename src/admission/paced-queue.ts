// Runs synchronous work one piece at a time and never for more than half of the time, so that whoever shares the thread gets
// its turn. What waits too long, or finds too many before it, is not run at all.
import type { Clock, ClockTimer } from "../lib/clock.ts";

export interface PacedQueueOptions {
  readonly clock: Clock;
  /** More pieces of work than this do not wait. */
  readonly maxWaiting: number;
}

/** What became of a piece of work. */
export type QueueOutcome<T> =
  | { readonly outcome: "done"; readonly value: T }
  | { readonly outcome: "failed"; readonly error: unknown }
  /** Not begun: too many waited already, or the deadline came first. */
  | { readonly outcome: "full" }
  | { readonly outcome: "late" };

interface Waiting {
  run(): void;
}

export class PacedQueue {
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Waiting>();
  #next: ClockTimer | null = null;
  #restUntil = 0;

  constructor({ clock, maxWaiting }: PacedQueueOptions) {
    this.#clock = clock;
    this.#maxWaiting = maxWaiting;
  }

  /** @param deadlineMs the latest start, from now, in milliseconds. Never rejects. */
  submit<T>(work: () => T, deadlineMs: number): Promise<QueueOutcome<T>> {
    if (this.#waiting.size >= this.#maxWaiting) return Promise.resolve({ outcome: "full" });
    return new Promise((resolve) => {
      const entry: Waiting = {
        run: () => {
          deadline.cancel();
          resolve(attempt(work));
        },
      };
      const deadline = this.#clock.setTimer(() => {
        this.#waiting.delete(entry);
        resolve({ outcome: "late" });
      }, deadlineMs);
      this.#waiting.add(entry);
      this.#schedule();
    });
  }

  /** Each piece in a turn of its own, after as long a rest as the one before took. */
  #schedule(): void {
    if (this.#next !== null || this.#waiting.size === 0) return;
    this.#next = this.#clock.setTimer(() => this.#runNext(), Math.max(0, this.#restUntil - this.#clock.now()));
  }

  #runNext(): void {
    this.#next = null;
    const [entry] = this.#waiting;
    if (entry === undefined) return;
    this.#waiting.delete(entry);
    const startedAt = this.#clock.now();
    entry.run();
    const endedAt = this.#clock.now();
    this.#restUntil = endedAt + (endedAt - startedAt);
    this.#schedule();
  }
}

function attempt<T>(work: () => T): QueueOutcome<T> {
  try {
    return { outcome: "done", value: work() };
  } catch (error) {
    return { outcome: "failed", error };
  }
}
