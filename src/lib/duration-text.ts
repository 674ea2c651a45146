// Durations as Kubernetes writes them (GEP-2257): up to four numbers, each with its unit, for example `1h30m` or `500ms`.

/** GEP-2257 bounds the text itself, so that no number in it needs a bound of its own. */
export const MAX_DURATION_LENGTH = 24;
/** What every duration looks like; of texts that are not too long nothing else is one. */
export const DURATION_PATTERN: RegExp = /^([0-9]{1,5}(h|ms|m|s)){1,4}$/;
const PART = /([0-9]{1,5})(h|ms|m|s)/g;

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
]);

/** Milliseconds, or null where the text is not a duration. A bare number is not one: its unit would be a guess. */
export function parseDurationText(text: string): number | null {
  if (text.length > MAX_DURATION_LENGTH || !DURATION_PATTERN.test(text)) return null;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(PART)) totalMs += Number(count) * (UNIT_MS.get(unit as string) as number);
  return totalMs;
}
