// Time as a dependency, so that tests decide what time it is. For coarse work; the request path has the timer wheel.

/** A timer that has not fired; cancelling it twice, or after it fired, does nothing. */
export interface ClockTimer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  now(): number;
  /** Calls `callback` once after `delayMs`; keeps the process alive until then. */
  setTimer(callback: () => void, delayMs: number): ClockTimer;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs) {
    const timeout = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  },
};
