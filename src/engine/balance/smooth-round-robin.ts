// Weighted round robin that spreads a heavy target's turns over the cycle instead of giving them in a row: the
// algorithm that nginx made known. Each selection is linear in the number of targets, so it serves short lists.
import { TURN_LIMIT } from "./balancer.ts";
import type { Balancer, WeightedTarget } from "./balancer.ts";

/** Additions that finding the starting point may cost; a cycle that is longer starts within its first part. */
const MAX_START_WORK = 4_096;

export class SmoothRoundRobin<T> implements Balancer<T> {
  readonly #targets: readonly T[];
  readonly #weights: Float64Array;
  /** What each target is owed: grows by its weight each turn, falls by the whole when it is selected. Sums to zero while all take part. */
  readonly #credits: Float64Array;
  /** 1 for a target that is left out. */
  readonly #isLeftOut: Uint8Array;
  #turn: number;

  /**
   * @param weightedTargets weights from 1.
   * @param turn how many selections to begin after; an integer from 0 to TURN_LIMIT.
   */
  constructor(weightedTargets: readonly WeightedTarget<T>[], turn: number) {
    const divisor = weightedTargets.reduce((common, one) => greatestCommonDivisor(common, one.weight), 0);
    this.#targets = weightedTargets.map((one) => one.target);
    this.#weights = Float64Array.from(weightedTargets, (one) => one.weight / divisor);
    this.#credits = new Float64Array(weightedTargets.length);
    this.#isLeftOut = new Uint8Array(weightedTargets.length);
    this.#turn = turn % TURN_LIMIT;
    this.#skip(turn);
  }

  get size(): number {
    return this.#targets.length;
  }

  get turn(): number {
    return this.#turn;
  }

  select(tried: readonly T[]): T | null {
    const best = this.#advance(tried);
    if (best === -1) return null;
    if (tried.length === 0) this.#turn = this.#turn + 1 === TURN_LIMIT ? 0 : this.#turn + 1;
    return this.#targets[best] as T;
  }

  leaveOut(target: T): boolean {
    return this.#mark(target, 1);
  }

  takeBack(target: T): void {
    this.#mark(target, 0);
  }

  #mark(target: T, isLeftOut: 0 | 1): boolean {
    const index = this.#targets.indexOf(target);
    if (index === -1) return false;
    if (this.#isLeftOut[index] !== isLeftOut) {
      this.#isLeftOut[index] = isLeftOut;
      this.#boundCredits();
    }
    return true;
  }

  /** No debt outlasts a cycle: a heavy target's turns are many for the light ones that remain without it. */
  #boundCredits(): void {
    let total = 0;
    for (let i = 0; i < this.#weights.length; i++) {
      if (this.#isLeftOut[i] === 0) total += this.#weights[i] as number;
    }
    for (let i = 0; i < this.#credits.length; i++) {
      this.#credits[i] = Math.min(Math.max(this.#credits[i] as number, -total), total);
    }
  }

  /** Index of the selected target, -1 where none is left. Targets that do not take part neither gain nor pay. */
  #advance(tried: readonly T[]): number {
    const targets = this.#targets;
    const weights = this.#weights;
    const credits = this.#credits;
    let best = -1;
    let bestCredit = 0;
    let total = 0;
    for (let i = 0; i < weights.length; i++) {
      if (this.#isLeftOut[i] === 1) continue;
      if (tried.length !== 0 && tried.includes(targets[i] as T)) continue;
      const weight = weights[i] as number;
      const credit = (credits[i] as number) + weight;
      credits[i] = credit;
      total += weight;
      if (best === -1 || credit > bestCredit) {
        best = i;
        bestCredit = credit;
      }
    }
    if (best !== -1) credits[best] = bestCredit - total;
    return best;
  }

  #skip(turn: number): void {
    const cycle = this.#weights.reduce((sum, weight) => sum + weight, 0);
    const reachable = Math.ceil(MAX_START_WORK / Math.max(this.#weights.length, 1));
    const steps = turn % Math.min(Math.max(cycle, 1), reachable);
    for (let step = 0; step < steps; step++) this.#advance([]);
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
