// What the loop needs of the store of objects; the store itself belongs to source/.
import type { WatchedObject, WorldObjects } from "../source/object-types.ts";

/** One object that appeared (`previous` is null), changed, or went away (`current` is null). */
export interface ObjectChange {
  readonly previous: WatchedObject | null;
  readonly current: WatchedObject | null;
}

export interface ObjectWorld {
  /** Every source has delivered its first full list. */
  readonly hasSynced: boolean;
  /** All objects, as of now. */
  readObjects(): WorldObjects;
  /**
   * Calls back after each batch of changes, and once more, perhaps with none, when `hasSynced` becomes true.
   * @returns ends the subscription.
   */
  subscribe(listener: (changes: readonly ObjectChange[]) => void): () => void;
}

export function objectOf(change: ObjectChange): WatchedObject | null {
  return change.current ?? change.previous;
}
