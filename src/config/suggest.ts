// "Did you mean …?": the closest of the known words. Used for keys, environment variables and fixed choices.

/** Words further apart than this, or than 40 % of the longer one, are not called similar. */
const MAX_DISTANCE = 3;
const MAX_DISTANCE_RATIO = 0.4;

/** The known word closest to `word`, or null where none is similar; the first one wins a tie. */
export function suggestClosest(word: string, known: Iterable<string>): string | null {
  let closest: string | null = null;
  let closestDistance = MAX_DISTANCE + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > MAX_DISTANCE) continue;
    const distance = editDistance(word, candidate);
    const limit = Math.max(word.length, candidate.length) * MAX_DISTANCE_RATIO;
    if (distance < closestDistance && distance <= limit) {
      closest = candidate;
      closestDistance = distance;
    }
  }
  return closest;
}

/** ` (did you mean x?)`, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const closest = suggestClosest(word, known);
  return closest === null ? "" : ` (did you mean ${closest}?)`;
}

/** Edits between two words, where swapping two neighbours counts as one (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous: number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current: number[] = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const substitution = from[row - 1] === to[column - 1] ? 0 : 1;
      let distance = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + substitution,
      );
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (isSwap) distance = Math.min(distance, at(beforePrevious, column - 2) + 1);
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
