// How late the event loop of the current thread runs.
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { FamilyReport } from "./metric-definitions.ts";
import { WORKER_METRICS } from "./metric-definitions.ts";

const QUANTILES = ["0.5", "0.9", "0.99", "1"] as const;
const SAMPLE_INTERVAL_MS = 20;
const NANOSECONDS_PER_SECOND = 1e9;

export class EventLoopDelay {
  readonly #thread: string;
  readonly #histogram = monitorEventLoopDelay({ resolution: SAMPLE_INTERVAL_MS });

  /** @param thread its name in metrics: `main`, or a worker's id. */
  constructor(thread: string) {
    this.#thread = thread;
    this.#histogram.enable();
  }

  /** @param startsAnew whether the next report covers the time from now on. */
  report(startsAnew: boolean): FamilyReport {
    const values = QUANTILES.map((quantile) => this.#secondsAt(Number(quantile)));
    if (startsAnew) this.#histogram.reset();
    const labels = QUANTILES.flatMap((quantile) => [this.#thread, quantile]);
    return { name: WORKER_METRICS.eventLoopDelay.name, labels, values: Float64Array.from(values) };
  }

  stop(): void {
    this.#histogram.disable();
  }

  /** The histogram holds the time between samples; what is beyond the interval is delay. */
  #secondsAt(quantile: number): number {
    if (this.#histogram.count === 0) return 0;
    const nanoseconds = quantile === 1 ? this.#histogram.max : this.#histogram.percentile(quantile * 100);
    return Math.max(0, nanoseconds / NANOSECONDS_PER_SECOND - SAMPLE_INTERVAL_MS / 1_000);
  }
}
