// Reads the value of Content-Length (RFC 9110 §8.6): one reading for both protocols.

/** Below 2^53, so that lengths stay exact. */
const MAX_DIGITS = 15;

/** Digits only; -1 for everything else, such as lists, signs and empty values. */
export function parseContentLength(value: string): number {
  const { length } = value;
  if (length === 0 || length > MAX_DIGITS) return -1;
  let result = 0;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return -1;
    result = result * 10 + code - 0x30;
  }
  return result;
}
