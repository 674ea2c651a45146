// Weighted round robin for long lists: every target has a deadline in virtual time, the earliest is served next, and its
// next deadline is 1/weight later. A binary heap makes a selection logarithmic in the number of targets.
import { TURN_LIMIT } from "./balancer.ts";
import type { Balancer, WeightedTarget } from "./balancer.ts";
import { DeadlineHeap } from "./deadline-heap.ts";

/**
 * Multiples of it, modulo 1, lie evenly spread whatever their number. They are the phases of the targets: with one phase
 * for all, every target of equal weight would fall due at the same time and they would be served in one run.
 */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Below the distance between any two of a target's deadlines, above what rounding does to the largest weights. */
const ROUNDING_SLACK = 1e-6;

export class EarliestDeadline<T> implements Balancer<T> {
  readonly #weightedTargets: readonly WeightedTarget<T>[];
  readonly #targets: readonly T[];
  readonly #weights: Float64Array;
  /** Turns a target has had in the current cycle, which lasts one unit of virtual time. */
  readonly #served: Float64Array;
  /** The deadlines of all, and those that are not left out as a heap. */
  readonly #heap: DeadlineHeap;
  /** The deadline of the last selection. */
  #virtualTime: number;
  #turn: number;
  /** Indices of targets; made when the first is left out. */
  #indices: Map<T, number> | null;
  /** Retries have deadlines of their own, so that they take nobody's turn; made for the first one. */
  #retries: EarliestDeadline<T> | null;

  /**
   * @param weightedTargets weights from 1.
   * @param turn after about how many selections to begin; an integer from 0 to TURN_LIMIT.
   */
  constructor(weightedTargets: readonly WeightedTarget<T>[], turn: number) {
    this.#weightedTargets = weightedTargets;
    this.#targets = weightedTargets.map((one) => one.target);
    this.#weights = Float64Array.from(weightedTargets, (one) => one.weight);
    this.#served = new Float64Array(weightedTargets.length);
    this.#heap = new DeadlineHeap(weightedTargets.length);
    this.#turn = turn % TURN_LIMIT;
    this.#indices = null;
    this.#retries = null;

    const cycle = this.#weights.reduce((sum, weight) => sum + weight, 0);
    this.#virtualTime = cycle === 0 ? 0 : (turn % cycle) / cycle;
    for (let i = 0; i < weightedTargets.length; i++) {
      this.#served[i] = Math.max(0, Math.ceil((this.#weights[i] as number) * this.#virtualTime - phaseOf(i)));
      this.#heap.deadlines[i] = this.#deadlineOf(i);
    }
    this.#heap.rebuild();
  }

  get size(): number {
    return this.#targets.length;
  }

  get turn(): number {
    return this.#turn;
  }

  select(tried: readonly T[]): T | null {
    if (tried.length !== 0) return this.#selectOther(tried);
    const heap = this.#heap;
    if (heap.size === 0) return null;
    const index = heap.first;
    this.#virtualTime = heap.deadlines[index] as number;
    this.#served[index] = (this.#served[index] as number) + 1;
    heap.deadlines[index] = this.#deadlineOf(index);
    heap.sinkFirst();
    if ((heap.deadlines[heap.first] as number) >= 1) this.#beginCycle();
    this.#turn = this.#turn + 1 === TURN_LIMIT ? 0 : this.#turn + 1;
    return this.#targets[index] as T;
  }

  leaveOut(target: T): boolean {
    const index = this.#indexOf(target);
    if (index === -1) return false;
    this.#heap.remove(index);
    this.#retries?.leaveOut(target);
    return true;
  }

  takeBack(target: T): void {
    const index = this.#indexOf(target);
    if (index === -1 || this.#heap.has(index)) return;
    // Its next deadline is the first one that is still to come.
    const due = (this.#weights[index] as number) * this.#virtualTime - phaseOf(index);
    this.#served[index] = Math.max(0, Math.floor(due + ROUNDING_SLACK) + 1);
    this.#heap.deadlines[index] = this.#deadlineOf(index);
    this.#heap.add(index);
    this.#retries?.takeBack(target);
  }

  #selectOther(tried: readonly T[]): T | null {
    const retries = (this.#retries ??= this.#makeRetries());
    const leftOut = tried.filter((target) => retries.#isActive(target));
    for (const target of leftOut) retries.leaveOut(target);
    const selected = retries.select(NONE);
    for (const target of leftOut) retries.takeBack(target);
    return selected;
  }

  #makeRetries(): EarliestDeadline<T> {
    const retries = new EarliestDeadline(this.#weightedTargets, this.#turn);
    for (let i = 0; i < this.#targets.length; i++) {
      if (!this.#heap.has(i)) retries.leaveOut(this.#targets[i] as T);
    }
    return retries;
  }

  #isActive(target: T): boolean {
    const index = this.#indexOf(target);
    return index !== -1 && this.#heap.has(index);
  }

  #indexOf(target: T): number {
    this.#indices ??= new Map(this.#targets.map((one, index) => [one, index]));
    return this.#indices.get(target) ?? -1;
  }

  /**
   * Once a cycle, virtual time goes back by one, so that it never outgrows a double's precision. Whoever takes part has at
   * least one turn a cycle, so this costs a selection no more than another step.
   */
  #beginCycle(): void {
    this.#virtualTime = 0;
    for (let position = 0; position < this.#heap.size; position++) {
      const index = this.#heap.at(position);
      this.#served[index] = (this.#served[index] as number) - (this.#weights[index] as number);
      this.#heap.deadlines[index] = this.#deadlineOf(index);
    }
    this.#heap.rebuild();
  }

  #deadlineOf(index: number): number {
    return ((this.#served[index] as number) + phaseOf(index)) / (this.#weights[index] as number);
  }
}

const NONE: readonly never[] = [];

/** Above 0 and below 1, so that a target of weight w has exactly w deadlines in a cycle. */
function phaseOf(index: number): number {
  return ((index + 1) * GOLDEN_RATIO) % 1;
}
