// When to look again: soon after a change, but not in the middle of a burst of them, and every few seconds in any case.

/** Times in milliseconds. */
export interface RescanTiming {
  /** Quiet time after a change before the scan. */
  readonly debounceMs: number;
  /** The longest that a burst of changes can put a scan off. */
  readonly maxDelayMs: number;
  /** For file systems that tell of no changes; longer where a scan takes long. */
  readonly pollMs: number;
}

/** Polling may take a fiftieth of one core, however many files there are. */
const POLL_SHARE = 50;

/** Runs one scan at a time; what is asked for during a scan is done after it. */
export class RescanSchedule {
  readonly #timing: RescanTiming;
  readonly #scan: () => Promise<void>;
  #timer: NodeJS.Timeout | null = null;
  #dueMs = Number.POSITIVE_INFINITY;
  #burstStartMs: number | null = null;
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(timing: RescanTiming, scan: () => Promise<void>) {
    this.#timing = timing;
    this.#scan = scan;
  }

  /** Something changed. */
  notice(): void {
    const nowMs = performance.now();
    this.#burstStartMs ??= nowMs;
    this.#dueMs = Math.min(nowMs + this.#timing.debounceMs, this.#burstStartMs + this.#timing.maxDelayMs);
    this.#arm();
  }

  /** Asks for a scan after so long, or earlier. */
  within(delayMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, performance.now() + delayMs);
    this.#arm();
  }

  /** No scan begins any more; resolves when the last one has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#running;
  }

  #arm(): void {
    if (this.#isClosed || this.#running !== null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, this.#dueMs - performance.now()));
  }

  async #run(): Promise<void> {
    this.#timer = null;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#burstStartMs = null;
    const startMs = performance.now();
    this.#running = this.#scan();
    await this.#running;
    this.#running = null;
    this.within(Math.max(this.#timing.pollMs, (performance.now() - startMs) * POLL_SHARE));
  }
}
