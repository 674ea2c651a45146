// A point in time after which an exchange is given up, together with a caller's own wish to give it up.
import type { Clock, ClockTimer } from "../../../lib/clock.ts";

export class Deadline {
  readonly timeoutMs: number;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | null;
  readonly #abort = (): void => this.#controller.abort();
  #timer: ClockTimer | null;
  #isExpired = false;

  constructor(clock: Clock, timeoutMs: number, outer: AbortSignal | null) {
    this.timeoutMs = timeoutMs;
    this.#outer = outer;
    this.#timer = clock.setTimer(() => {
      this.#isExpired = true;
      this.#controller.abort();
    }, timeoutMs);
    if (outer?.aborted === true) this.#controller.abort();
    else outer?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Aborted when the time is up or the caller gives up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True where time ran out, and not the caller's patience. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** From now on only the caller gives up. */
  disarm(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** It is over; nothing is held on to. */
  end(): void {
    this.disarm();
    this.#outer?.removeEventListener("abort", this.#abort);
  }
}
