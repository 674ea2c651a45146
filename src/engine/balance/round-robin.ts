// Weighted round robin: chooses the implementation that is cheapest for a list of targets.
import type { Balancer, WeightedTarget } from "./balancer.ts";
import { EarliestDeadline } from "./earliest-deadline.ts";
import { Rotation } from "./rotation.ts";
import { SmoothRoundRobin } from "./smooth-round-robin.ts";

/** Up to here a linear selection costs about what the heap costs, and its order is the one that people know from nginx. */
const MAX_LINEAR_BACKENDS = 16;

/**
 * A balancer that gives each target turns in proportion to its weight, evenly spread.
 * @param turn where in the cycle it begins: a random integer for a new list, so that workers do not all begin with the
 * first target; the predecessor's `turn` for a changed one, so that the first targets gain nothing by changes.
 */
export function createRoundRobin<T>(weightedTargets: readonly WeightedTarget<T>[], turn: number): Balancer<T> {
  const selectable = weightedTargets.filter((one) => one.weight > 0);
  const weight = selectable[0]?.weight;
  if (selectable.every((one) => one.weight === weight)) {
    return new Rotation(
      selectable.map((one) => one.target),
      turn,
    );
  }
  return selectable.length <= MAX_LINEAR_BACKENDS
    ? new SmoothRoundRobin(selectable, turn)
    : new EarliestDeadline(selectable, turn);
}
