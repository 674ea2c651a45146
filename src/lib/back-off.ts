// How long to wait before the next try: doubling, capped, and spread so that many do not try at the same moment.

/** Milliseconds. */
export interface BackOffTiming {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * Half of the delay is fixed, half is random.
 * @param failures in a row, from 1.
 * @param random from 0 to 1.
 * @returns milliseconds.
 */
export function backOffDelay(failures: number, timing: BackOffTiming, random: number): number {
  const delayMs = Math.min(timing.maxDelayMs, timing.firstDelayMs * 2 ** (failures - 1));
  return delayMs * (0.5 + random / 2);
}
