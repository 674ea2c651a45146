// One order for strings everywhere: by UTF-16 code units. It knows no locale, so it is the same on every machine.

/** Negative, zero or positive, for `toSorted`. */
export function compareStrings(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
