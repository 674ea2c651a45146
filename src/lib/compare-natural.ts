// Orders texts with numbers in them as people count: `paths[2]` before `paths[10]`. By code units otherwise.

/** Negative, zero or positive; zero only for equal strings. Runs of digits go by their length first, then by their digits. */
export function compareNatural(left: string, right: string): number {
  const limit = Math.min(left.length, right.length);
  let i = 0;
  while (i < limit && left.charCodeAt(i) === right.charCodeAt(i)) i += 1;
  if (i === left.length || i === right.length) {
    // One is the start of the other; it comes first even inside of a number, since its number is the shorter one.
    return left.length - right.length;
  }
  let start = i;
  while (start > 0 && isDigit(left.charCodeAt(start - 1))) start -= 1;
  const leftLength = countDigits(left, start);
  const rightLength = countDigits(right, start);
  if (leftLength > 0 && rightLength > 0 && leftLength !== rightLength) return leftLength - rightLength;
  return left.charCodeAt(i) - right.charCodeAt(i);
}

function countDigits(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
  return end - start;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
