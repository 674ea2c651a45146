// Whole numbers and sizes in bytes, each within bounds.
import { quoteText } from "../../lib/untrusted-text.ts";
import { parsed, refused } from "../parsed.ts";
import type { Parsed } from "../parsed.ts";

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

export function parseCount(text: string, bounds: Bounds): Parsed<number> {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(count)) {
    return refused(`${quoteText(text)} is not a whole number: write one ${formatBounds(bounds)}`);
  }
  return count >= bounds.min && count <= bounds.max
    ? parsed(count)
    : refused(`${quoteText(text)} is out of range: write a number ${formatBounds(bounds)}`);
}

const SIZE = /^(\d{1,12})(B|Ki|KiB|Mi|MiB|Gi|GiB)?$/;
const BYTES_BY_PREFIX: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["B", 1],
  ["K", 1_024],
  ["M", 1_048_576],
  ["G", 1_073_741_824],
]);

/**
 * Bytes. `32KiB`, `1Mi` and plain bytes are read; `8k` is refused, since it is 1,000 to one reader (Kubernetes) and 1,024
 * to another (nginx).
 */
export function parseSize(text: string, bounds: Bounds): Parsed<number> {
  const match = SIZE.exec(text);
  if (match === null) {
    return refused(`${quoteText(text)} is not a size: write for example 32KiB, 1MiB or a number of bytes`);
  }
  const [, count = "0", unit = ""] = match;
  const bytes = Number(count) * (BYTES_BY_PREFIX.get(unit.slice(0, 1)) ?? 1);
  return bytes >= bounds.min && bytes <= bounds.max
    ? parsed(bytes)
    : refused(
        `${quoteText(text)} is out of range: write a size from ${formatSize(bounds.min)} to ${formatSize(bounds.max)}`,
      );
}

/** The largest unit that divides it, for example 32,768 as `32KiB`. */
export function formatSize(bytes: number): string {
  for (const prefix of ["G", "M", "K"]) {
    const unit = BYTES_BY_PREFIX.get(prefix) ?? 1;
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${prefix}iB`;
  }
  return `${bytes}B`;
}

function formatBounds(bounds: Bounds): string {
  return `from ${bounds.min} to ${bounds.max}`;
}
