// Sizes in bytes as people write them: Kubernetes quantities (`10Mi`, `1G`), and `8m` as in nginx configuration.

const MAX_SIZE_LENGTH = 24;
/**
 * Sizes that can be counted exactly, by their looks alone: the larger the unit, the fewer digits. Whatever matches is one
 * for `parseByteSize`.
 */
export const BYTE_SIZE_PATTERN: RegExp =
  /^([0-9]{1,15}|[0-9]{1,12}([.][0-9]{1,3})?(k|Ki)|[0-9]{1,9}([.][0-9]{1,3})?(m|M|Mi)|[0-9]{1,6}([.][0-9]{1,3})?(g|G|Gi)|[0-9]{1,3}([.][0-9]{1,3})?(T|Ti))$/;

const SIZE = /^([0-9]{1,15})(?:\.([0-9]{1,3}))?([A-Za-z]{0,2})$/;

/**
 * Lower-case letters count in powers of 1024, as nginx has it. Kubernetes gives `k` the meaning 1000 and `m` the meaning
 * a thousandth, and nobody wants a thousandth of a byte.
 */
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["k", 1024],
  ["m", 1024 ** 2],
  ["g", 1024 ** 3],
  ["Ki", 1024],
  ["Mi", 1024 ** 2],
  ["Gi", 1024 ** 3],
  ["Ti", 1024 ** 4],
  ["M", 1000 ** 2],
  ["G", 1000 ** 3],
  ["T", 1000 ** 4],
]);

/** Bytes, rounded up, or null where the text is not a size or is too large to count exactly. */
export function parseByteSize(text: string): number | null {
  const match = text.length > MAX_SIZE_LENGTH ? null : SIZE.exec(text);
  if (match === null) return null;
  const [, whole = "", fraction = "", unit = ""] = match;
  const unitBytes = UNIT_BYTES.get(unit);
  if (unitBytes === undefined) return null;
  const bytes = Number(whole) * unitBytes + Math.ceil((Number(fraction.padEnd(3, "0")) * unitBytes) / 1000);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
