// What the loop needs of the store of objects; the store itself belongs to source/.
import type { EndpointSlice, WatchedKind, WorldObjects } from "../source/object-types.ts";

/** What one batch of changes touched. */
export interface WorldChange {
  /** Kinds of which an object was added, changed or deleted. */
  readonly kinds: ReadonlySet<WatchedKind>;
  readonly endpointSlices: {
    /** New and changed slices, as they are now. */
    readonly changed: readonly EndpointSlice[];
    /** Deleted slices, as they were. */
    readonly deleted: readonly EndpointSlice[];
  };
}

export interface ObjectWorld {
  /** Every source has delivered its first full list. */
  readonly isSynced: boolean;
  /** All objects, as of now. An object, and the list of a kind, keep their identity while unchanged. */
  world(): WorldObjects;
  /**
   * Calls back after each batch of changes, and when `isSynced` becomes true.
   * @returns ends the subscription.
   */
  subscribe(listener: (change: WorldChange) => void): () => void;
}
