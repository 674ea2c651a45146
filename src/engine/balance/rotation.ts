// Round robin over targets of equal weight: one index that goes around. Nothing else is as cheap or as even.
import { TURN_LIMIT } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";

export class Rotation<T> implements Balancer<T> {
  readonly #targets: readonly T[];
  #turn: number;
  /** Retries go around by themselves, so that they spread over all the others and not over the next one alone. */
  #retryTurn: number;

  /** @param turn which target comes first, modulo their number; an integer from 0 to TURN_LIMIT. */
  constructor(targets: readonly T[], turn: number) {
    this.#targets = targets;
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
    const targets = this.#targets;
    if (targets.length === 0) return null;
    const turn = this.#turn;
    this.#turn = turn + 1 === TURN_LIMIT ? 0 : turn + 1;
    return targets[turn % targets.length] as T;
  }

  #selectOther(tried: readonly T[]): T | null {
    const targets = this.#targets;
    for (let step = 0; step < targets.length; step++) {
      const target = targets[this.#retryTurn % targets.length] as T;
      this.#retryTurn = (this.#retryTurn + 1) % TURN_LIMIT;
      if (!tried.includes(target)) return target;
    }
    return null;
  }
}
