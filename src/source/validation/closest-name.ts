// "Did you mean …?" for the fields of an object: the known name that a misspelt one comes nearest to.

/** Longer names are not compared: no field of the API is half as long. */
const MAX_COMPARED_LENGTH = 64;

/** The known name within a third of `name`'s length in edits, the nearest first, or null. Case does not count as an edit. */
export function closestName(name: string, known: Iterable<string>): string | null {
  if (name.length > MAX_COMPARED_LENGTH) return null;
  const wanted = name.toLowerCase();
  let closest: string | null = null;
  let closestEdits = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= closestEdits) continue;
    const edits = countEdits(wanted, candidate.toLowerCase());
    if (edits >= closestEdits) continue;
    closest = candidate;
    closestEdits = edits;
  }
  return closest;
}

/** Levenshtein distance, one row at a time. */
function countEdits(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const substitution = from[row - 1] === to[column - 1] ? 0 : 1;
      const kept = (previous[column - 1] ?? 0) + substitution;
      const inserted = (current[column - 1] ?? 0) + 1;
      const deleted = (previous[column] ?? 0) + 1;
      current.push(Math.min(kept, inserted, deleted));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
