// Durations as people write them: `500ms`, `30s`, `1m30s`, `2h`.
import { parseDurationText } from "../../lib/duration-text.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { parsed, refused } from "../parsed.ts";
import type { Parsed } from "../parsed.ts";

/** The longest that Node's timers can count to, about 24.8 days. */
const MAX_DURATION_MS = 2_147_483_647;

/** Milliseconds, from `minMs` on. A bare number is refused, since seconds and milliseconds are both what people expect. */
export function parseDuration(text: string, minMs: number): Parsed<number> {
  if (text === "0" && minMs === 0) return parsed(0);
  if (/^\d+$/.test(text)) return refused(`${quoteText(text)} has no unit: write ${text}s or ${text}ms`);
  const durationMs = parseDurationText(text);
  if (durationMs === null) {
    return refused(`${quoteText(text)} is not a duration: write for example 500ms, 30s or 1m30s`);
  }
  if (durationMs < minMs) return refused(`${quoteText(text)} is too short: write ${formatDuration(minMs)} or more`);
  if (durationMs > MAX_DURATION_MS) return refused(`${quoteText(text)} is too long: write 24 days (576h) or less`);
  return parsed(durationMs);
}

/** The shortest exact form, for example `90s` as `1m30s`. */
export function formatDuration(durationMs: number): string {
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(durationMs / 3_600_000), "h"],
    [Math.floor(durationMs / 60_000) % 60, "m"],
    [Math.floor(durationMs / 1_000) % 60, "s"],
    [durationMs % 1_000, "ms"],
  ];
  const text = parts.map(([count, unit]) => (count === 0 ? "" : `${count}${unit}`)).join("");
  return text === "" ? "0s" : text;
}
