// Counters and durations of one route and upstream. On the path of every request: plain numbers, added in place.
import { DURATION_BUCKETS_MS, HISTOGRAM_STRIDE } from "./metric-definitions.ts";

/** By first digit of the status; 0 for requests that ended without one. */
export const STATUS_CLASSES: readonly string[] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

const BEYOND = DURATION_BUCKETS_MS.length;
const SUM = BEYOND + 1;
const BOUNDS = Float64Array.from(DURATION_BUCKETS_MS);

export class RouteSeries {
  readonly route: string;
  readonly upstream: string;
  requestBytes = 0;
  responseBytes = 0;
  /** By class of status: bucket counts, not cumulative, and the sum in seconds; null until the first request. */
  readonly durations: (Float64Array | null)[] = [null, null, null, null, null, null];

  constructor(route: string, upstream: string) {
    this.route = route;
    this.upstream = upstream;
  }

  observe(status: number, durationMs: number, requestBytes: number, responseBytes: number): void {
    const statusClass = status < 100 || status > 599 ? 0 : (status / 100) | 0;
    const figures = this.durations[statusClass] ?? this.#open(statusClass);
    let bucket = 0;
    while (bucket < BEYOND && durationMs > (BOUNDS[bucket] as number)) bucket += 1;
    figures[bucket] = (figures[bucket] as number) + 1;
    figures[SUM] = (figures[SUM] as number) + durationMs / 1_000;
    this.requestBytes += requestBytes;
    this.responseBytes += responseBytes;
  }

  #open(statusClass: number): Float64Array {
    const figures = new Float64Array(HISTOGRAM_STRIDE);
    this.durations[statusClass] = figures;
    return figures;
  }
}

/** Requests that a histogram's figures stand for. */
export function countOf(figures: Float64Array): number {
  let count = 0;
  for (let bucket = 0; bucket <= BEYOND; bucket += 1) count += figures[bucket] as number;
  return count;
}
