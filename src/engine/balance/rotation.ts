// Round robin over targets of equal weight: one index that goes around. Nothing else is as cheap or as even.
import { TURN_LIMIT } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";

export class Rotation<T> implements Balancer<T> {
  /** Those that are left out come last. */
  readonly #targets: T[];
  /** How many targets, from the first, are not left out. */
  #activeCount: number;
  /** Where in the list each target is; made when the first is left out. */
  #positions: Map<T, number> | null;
  #turn: number;
  /** Retries go around by themselves, so that they spread over all the others and not over the next one alone. */
  #retryTurn: number;

  /** @param turn which target comes first, modulo their number; an integer from 0 to TURN_LIMIT. */
  constructor(targets: readonly T[], turn: number) {
    this.#targets = targets.slice();
    this.#activeCount = targets.length;
    this.#positions = null;
    this.#turn = turn % TURN_LIMIT;
    this.#retryTurn = this.#turn;
  }

  get size(): number {
    return this.#targets.length;
  }

  get turn(): number {
    return this.#turn;
  }

  select(tried: readonly T[]): T | null {
    if (tried.length !== 0) return this.#selectOther(tried);
    if (this.#activeCount === 0) return null;
    const turn = this.#turn;
    this.#turn = turn + 1 === TURN_LIMIT ? 0 : turn + 1;
    return this.#targets[turn % this.#activeCount] as T;
  }

  leaveOut(target: T): boolean {
    this.#positions ??= new Map(this.#targets.map((one, position) => [one, position]));
    const position = this.#positions.get(target);
    if (position === undefined) return false;
    if (position < this.#activeCount) {
      this.#activeCount--;
      this.#swap(this.#positions, position, this.#activeCount);
    }
    return true;
  }

  takeBack(target: T): void {
    const position = this.#positions?.get(target);
    if (this.#positions === null || position === undefined || position < this.#activeCount) return;
    this.#swap(this.#positions, position, this.#activeCount);
    this.#activeCount++;
  }

  /** Looks at one target more than were tried, at most. */
  #selectOther(tried: readonly T[]): T | null {
    const targets = this.#targets;
    const count = this.#activeCount;
    for (let step = 0; step < count; step++) {
      const target = targets[this.#retryTurn % count] as T;
      this.#retryTurn = (this.#retryTurn + 1) % TURN_LIMIT;
      if (!tried.includes(target)) return target;
    }
    return null;
  }

  #swap(positions: Map<T, number>, a: number, b: number): void {
    const [atA, atB] = [this.#targets[a] as T, this.#targets[b] as T];
    this.#targets[a] = atB;
    this.#targets[b] = atA;
    positions.set(atB, a).set(atA, b);
  }
}
