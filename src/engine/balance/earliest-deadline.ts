// Weighted round robin for long lists: every target has a deadline in virtual time, the earliest is served next, and its
// next deadline is 1/weight later. A binary heap makes a selection logarithmic in the number of targets.
import { TURN_LIMIT } from "./balancer.ts";
import type { Balancer, WeightedTarget } from "./balancer.ts";
import { SmoothRoundRobin } from "./smooth-round-robin.ts";

/**
 * Multiples of it, modulo 1, lie evenly spread whatever their number. They are the phases of the targets: with one phase
 * for all, every target of equal weight would fall due at the same time and they would be served in one run.
 */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

export class EarliestDeadline<T> implements Balancer<T> {
  readonly #weightedTargets: readonly WeightedTarget<T>[];
  readonly #targets: readonly T[];
  readonly #weights: Float64Array;
  /** Turns a target has had in the current cycle, which lasts one unit of virtual time. */
  readonly #served: Float64Array;
  readonly #deadlines: Float64Array;
  /** Indices of targets, a binary heap by deadline. */
  readonly #heap: Uint32Array;
  #turn: number;
  /** Made for the first retry. */
  #retries: SmoothRoundRobin<T> | null;

  /**
   * @param weightedTargets weights from 1.
   * @param turn after about how many selections to begin; an integer from 0 to TURN_LIMIT.
   */
  constructor(weightedTargets: readonly WeightedTarget<T>[], turn: number) {
    this.#weightedTargets = weightedTargets;
    this.#targets = weightedTargets.map((one) => one.target);
    this.#weights = Float64Array.from(weightedTargets, (one) => one.weight);
    this.#served = new Float64Array(weightedTargets.length);
    this.#deadlines = new Float64Array(weightedTargets.length);
    this.#heap = Uint32Array.from(weightedTargets, (_, index) => index);
    this.#turn = turn % TURN_LIMIT;
    this.#retries = null;

    const cycle = this.#weights.reduce((sum, weight) => sum + weight, 0);
    const virtualTime = cycle === 0 ? 0 : (turn % cycle) / cycle;
    for (let i = 0; i < weightedTargets.length; i++) {
      this.#served[i] = Math.max(0, Math.ceil((this.#weights[i] as number) * virtualTime - phaseOf(i)));
    }
    this.#rebuild();
  }

  get size(): number {
    return this.#targets.length;
  }

  get turn(): number {
    return this.#turn;
  }

  select(tried: readonly T[]): T | null {
    if (tried.length !== 0) return this.#selectOther(tried);
    if (this.#targets.length === 0) return null;
    const index = this.#heap[0] as number;
    const served = (this.#served[index] as number) + 1;
    this.#served[index] = served;
    this.#deadlines[index] = (served + phaseOf(index)) / (this.#weights[index] as number);
    this.#siftDown(0);
    if ((this.#deadlines[this.#heap[0] as number] as number) >= 1) this.#beginCycle();
    this.#turn = this.#turn + 1 === TURN_LIMIT ? 0 : this.#turn + 1;
    return this.#targets[index] as T;
  }

  /** Deadlines cannot skip a target without owing it all that it missed; credits can, and retries may cost linear time. */
  #selectOther(tried: readonly T[]): T | null {
    this.#retries ??= new SmoothRoundRobin(this.#weightedTargets, this.#turn);
    return this.#retries.select(tried);
  }

  /** Once a cycle, virtual time goes back by one, so that it never outgrows a double's precision. */
  #beginCycle(): void {
    for (let i = 0; i < this.#weights.length; i++) {
      this.#served[i] = (this.#served[i] as number) - (this.#weights[i] as number);
    }
    this.#rebuild();
  }

  #rebuild(): void {
    for (let i = 0; i < this.#weights.length; i++) {
      this.#deadlines[i] = ((this.#served[i] as number) + phaseOf(i)) / (this.#weights[i] as number);
    }
    for (let position = (this.#heap.length >> 1) - 1; position >= 0; position--) this.#siftDown(position);
  }

  #siftDown(from: number): void {
    const heap = this.#heap;
    const deadlines = this.#deadlines;
    const moved = heap[from] as number;
    const deadline = deadlines[moved] as number;
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (
        right < heap.length &&
        (deadlines[heap[right] as number] as number) < (deadlines[heap[child] as number] as number)
      ) {
        child = right;
      }
      if ((deadlines[heap[child] as number] as number) >= deadline) break;
      heap[position] = heap[child] as number;
      position = child;
    }
    heap[position] = moved;
  }
}

/** Above 0 and below 1, so that a target of weight w has exactly w deadlines in a cycle. */
function phaseOf(index: number): number {
  return ((index + 1) * GOLDEN_RATIO) % 1;
}
