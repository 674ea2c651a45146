// What turns one list of objects into another, as runs of what stays and what is new. Objects are compared by identity:
// it is for lists that were made from each other, where finding equal content would cost more than it saves.

/** Items of the earlier list, from a place on. */
export interface KeptRun {
  readonly from: number;
  readonly count: number;
}

/** The later list, piece by piece: what is kept, or items that the earlier list does not have. */
export type ListPatch<T> = readonly (KeptRun | readonly T[])[];

export function diffList<T extends object>(before: readonly T[], after: readonly T[]): ListPatch<T> {
  if (before === after) return [{ from: 0, count: before.length }];
  const pieces: (KeptRun | readonly T[])[] = [];
  const placeOf = createPlaceFinder(before);
  let fresh: T[] = [];
  let runFrom = 0;
  let runEnd = 0;
  const endRun = (): void => {
    if (runEnd > runFrom) pieces.push({ from: runFrom, count: runEnd - runFrom });
    runFrom = runEnd;
  };
  for (const item of after) {
    const place = placeOf(item, runEnd);
    if (place === null) {
      endRun();
      fresh.push(item);
      continue;
    }
    if (fresh.length > 0) {
      pieces.push(fresh);
      fresh = [];
    }
    if (place !== runEnd) {
      endRun();
      runFrom = place;
    }
    runEnd = place + 1;
  }
  endRun();
  if (fresh.length > 0) pieces.push(fresh);
  return pieces;
}

/** Looks at the expected place and the one after it first: a change of one item then costs two looks for each other. */
function createPlaceFinder<T extends object>(list: readonly T[]): (item: T, expected: number) => number | null {
  let places: Map<T, number> | null = null;
  return (item, expected) => {
    if (list[expected] === item) return expected;
    if (list[expected + 1] === item) return expected + 1;
    places ??= new Map(list.map((known, place) => [known, place] as const));
    return places.get(item) ?? null;
  };
}

/**
 * Adds one piece of a patch to the later list as it grows.
 * @throws Error for a run that the earlier list does not have.
 */
export function appendPiece<T>(after: T[], before: readonly T[], piece: KeptRun | readonly T[]): void {
  if ("from" in piece) {
    const { from, count } = piece;
    if (from + count > before.length) throw new Error("a part keeps what the snapshot before does not have");
    for (let i = from; i < from + count; i += 1) after.push(before[i] as T);
  } else {
    for (const item of piece) after.push(item);
  }
}
