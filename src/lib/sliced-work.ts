// Long work that lets others have their turns: a generator that yields whenever about a slice of the work is done. How much
// a slice is, is counted and not timed, so that it is the same on every machine. Knows nothing of what is done.
import { setImmediate } from "node:timers/promises";

/** Yields where others may have a turn, returns the result. */
export type SlicedWork<T> = Generator<undefined, T, undefined>;

/** Counts what has been done since the last yield. */
export class SliceMeter {
  readonly #unitsPerSlice: number;
  #units: number;

  /** @param unitsPerSlice Infinity for work that is done in one go. */
  constructor(unitsPerSlice: number) {
    this.#unitsPerSlice = unitsPerSlice;
    this.#units = 0;
  }

  /** @returns true where the slice is full, and the next one begins: it is time to yield. */
  isFullAfter(units: number): boolean {
    this.#units += units;
    if (this.#units < this.#unitsPerSlice) return false;
    this.#units = 0;
    return true;
  }
}

/** Does all of it now. */
export function finishNow<T>(work: SlicedWork<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Resolves when the event loop has looked after everybody else once. */
export type NextTurn = () => Promise<unknown>;

/** Does the first slice now, and one more each turn. Rejects with what the work throws. */
export async function finishInTurns<T>(work: SlicedWork<T>, nextTurn: NextTurn = setImmediate): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await nextTurn();
  }
}
