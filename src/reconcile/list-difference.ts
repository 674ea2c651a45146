// In what two lists of objects differ, without a copy or an index of either: most changes touch few of many objects.
import type { WatchedObject } from "../source/object-types.ts";

export interface ListDifference {
  /** Objects of the earlier list. */
  readonly removed: readonly WatchedObject[];
  /** Objects of the later list. A changed object is in both, in either version. */
  readonly added: readonly WatchedObject[];
}

/**
 * What turns one list into the other. Of lists in which new objects come last, as a store keeps them, it names just what
 * changed; where the order is another, an object that stays may be named in both.
 */
export function findDifference(before: readonly WatchedObject[], after: readonly WatchedObject[]): ListDifference {
  const removed: WatchedObject[] = [];
  const added: WatchedObject[] = [];
  let place = 0;
  for (const known of before) {
    const next = after[place];
    if (known === next) {
      place += 1;
      continue;
    }
    removed.push(known);
    // Its successor stands in its place; nothing there, or another object, means that it is gone.
    if (next === undefined || !isSameName(known, next)) continue;
    added.push(next);
    place += 1;
  }
  for (; place < after.length; place += 1) added.push(after[place] as WatchedObject);
  return { removed, added };
}

function isSameName({ metadata: one }: WatchedObject, { metadata: other }: WatchedObject): boolean {
  return one.name === other.name && one.namespace === other.namespace;
}
