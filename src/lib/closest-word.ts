// Finds the known word that a mistyped one was probably meant to be. For hints in messages only.

/** No word that anyone types is longer, and the work grows with the square of the length. */
const MAX_WORD_LENGTH = 64;

/**
 * The known word nearest to `word`, or null where none is near: at most a third of its letters may differ, and no more than
 * `maxDistance`. The first one wins a tie.
 */
export function findClosestWord(word: string, known: Iterable<string>, maxDistance: number = Infinity): string | null {
  if (word.length === 0 || word.length > MAX_WORD_LENGTH) return null;
  let closest: string | null = null;
  let smallest = Math.min(maxDistance, Math.max(1, Math.floor(word.length / 3))) + 1;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance < smallest) {
      smallest = distance;
      closest = candidate;
    }
  }
  return closest;
}

/** Levenshtein distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const substituted = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
