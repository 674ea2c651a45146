// What every selection algorithm offers. Algorithms know nothing of addresses, pools or health: they order targets.

/** A target with its share; targets of one list are distinct objects, told apart by identity. */
export interface WeightedTarget<T> {
  readonly target: T;
  /** Relative integer share, 0 to 1,000,000; 0 is never selected. */
  readonly weight: number;
}

/**
 * Selects among a fixed list of targets; a changed list is a new balancer. Some of them may be left out for a while: no
 * selection looks at these, however many they are, and their turns go to the others in proportion to the weights.
 */
export interface Balancer<T> {
  /** Targets that can be selected, or could be if they were not left out. */
  readonly size: number;
  /** First attempts selected so far, those of predecessors included: what a successor starts from. */
  readonly turn: number;
  /**
   * The target of the next attempt, or null where none is left. A retry takes nobody's turn: if it did, a request's two
   * attempts on two targets would bring every request to the dead one first.
   * @param tried targets that must not come again, at most a handful; empty for a request's first attempt.
   */
  select(tried: readonly T[]): T | null;
  /**
   * Leaves a target out until it is taken back; at most logarithmic, but for the first call.
   * @returns whether the balancer has the target.
   */
  leaveOut(target: T): boolean;
  /** Undoes `leaveOut`, at the same cost. The target is not owed the turns that it missed. */
  takeBack(target: T): void;
}

/** `turn` stays a small integer, so that it never costs an allocation on the request path. */
export const TURN_LIMIT: number = 2 ** 30;
