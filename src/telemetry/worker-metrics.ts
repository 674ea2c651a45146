// What a worker counts. Counting is on the path of every request, so it adds plain numbers, and everything else happens
// when the main thread asks for a report; prom-client, which hashes labels on every call, stays on the main thread.
// See bench/micro/worker-metrics.ts.
import { EventLoopDelay } from "./event-loop-delay.ts";
import type { FamilyReport, MetricDefinition, WorkerMetricsReport } from "./metric-definitions.ts";
import { OTHER, WORKER_METRICS } from "./metric-definitions.ts";
import type { SeriesFilter } from "./series-filter.ts";
import { countOf, RouteSeries, STATUS_CLASSES } from "./route-series.ts";

export interface WorkerMetricsOptions {
  readonly workerId: number;
  /** Pairs of route and upstream that get figures of their own; what comes after them is counted as `other`. */
  readonly maxRouteSeries?: number;
}

const DEFAULT_MAX_ROUTE_SERIES = 1_000;
/** Distinct words a small label may have: reasons, types, listeners. */
const MAX_WORDS = 64;

/** Connections of one listener and protocol. */
export class ConnectionSeries {
  accepted = 0;
  active = 0;

  opened(): void {
    this.accepted += 1;
    this.active += 1;
  }

  closed(): void {
    this.active -= 1;
  }
}

export class WorkerMetrics {
  readonly #maxRouteSeries: number;
  readonly #byRoute = new Map<string, Map<string, RouteSeries>>();
  #routeSeriesCount = 0;
  readonly #other = new RouteSeries(OTHER, OTHER);
  readonly #connections = new Map<string, Map<string, ConnectionSeries>>();
  readonly #retries = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #eventLoopDelay: EventLoopDelay;
  #upstreamNew = 0;
  #upstreamReused = 0;
  #readIdleConnections: () => number = () => 0;

  constructor(options: WorkerMetricsOptions) {
    this.#maxRouteSeries = options.maxRouteSeries ?? DEFAULT_MAX_ROUTE_SERIES;
    this.#eventLoopDelay = new EventLoopDelay(String(options.workerId));
  }

  /**
   * Figures of a route and upstream, either of which may be `""`. Look them up once a request: holding them longer would
   * keep counting into what `retain` has dropped.
   */
  routeSeries(route: string, upstream: string): RouteSeries {
    return this.#byRoute.get(route)?.get(upstream) ?? this.#addRouteSeries(route, upstream);
  }

  /** Drops the figures of what the configuration no longer has, and makes room for what is new. */
  retain(isConfigured: SeriesFilter): void {
    for (const [route, ofRoute] of this.#byRoute) {
      for (const upstream of ofRoute.keys()) {
        if (!isConfigured(route, upstream)) ofRoute.delete(upstream);
      }
      if (ofRoute.size === 0) this.#byRoute.delete(route);
    }
    this.#routeSeriesCount = 0;
    for (const [route, ofRoute] of this.#byRoute) this.#routeSeriesCount += route === "" ? 0 : ofRoute.size;
  }

  /** To be looked up once a connection. */
  connections(listener: string, protocol: string): ConnectionSeries {
    const ofListener = this.#connections.get(listener) ?? new Map<string, ConnectionSeries>();
    this.#connections.set(listener, ofListener);
    const series = ofListener.get(protocol) ?? new ConnectionSeries();
    ofListener.set(protocol, series);
    return series;
  }

  countUpstreamConnection(isReused: boolean): void {
    if (isReused) this.#upstreamReused += 1;
    else this.#upstreamNew += 1;
  }

  /** @param reason type of the ProxyError that made another attempt necessary. */
  countRetry(reason: string): void {
    countWord(this.#retries, reason);
  }

  /** @param type of the ProxyError that ended a request. */
  countError(type: string): void {
    countWord(this.#errors, type);
  }

  /** @param read number of upstream connections that wait in the pools. */
  watchIdleConnections(read: () => number): void {
    this.#readIdleConnections = read;
  }

  /** @param id of the `collect-metrics` message; 0 is a probe, whose answer nobody looks at for its figures of a period. */
  report(id: number): WorkerMetricsReport {
    return {
      families: [
        ...this.#reportRoutes(),
        ...this.#reportConnections(),
        family(WORKER_METRICS.upstreamConnections, ["new", "reused"], [this.#upstreamNew, this.#upstreamReused]),
        family(WORKER_METRICS.idleUpstreamConnections, [], [this.#readIdleConnections()]),
        family(WORKER_METRICS.retries, [...this.#retries.keys()], [...this.#retries.values()]),
        family(WORKER_METRICS.errors, [...this.#errors.keys()], [...this.#errors.values()]),
        this.#eventLoopDelay.report(id !== 0),
      ],
    };
  }

  stop(): void {
    this.#eventLoopDelay.stop();
  }

  #addRouteSeries(route: string, upstream: string): RouteSeries {
    // What no route took is always told apart: it is what a scan of the proxy looks like.
    if (route !== "") {
      if (this.#routeSeriesCount >= this.#maxRouteSeries) return this.#other;
      this.#routeSeriesCount += 1;
    }
    const series = new RouteSeries(route, upstream);
    const ofRoute = this.#byRoute.get(route) ?? new Map<string, RouteSeries>();
    ofRoute.set(upstream, series);
    this.#byRoute.set(route, ofRoute);
    return series;
  }

  #reportRoutes(): FamilyReport[] {
    const statusLabels: string[] = [];
    const counts: number[] = [];
    const durations: number[] = [];
    const routeLabels: string[] = [];
    const requestBytes: number[] = [];
    const responseBytes: number[] = [];
    for (const series of this.#allRouteSeries()) {
      if (series.durations.every((figures) => figures === null)) continue;
      routeLabels.push(series.route, series.upstream);
      requestBytes.push(series.requestBytes);
      responseBytes.push(series.responseBytes);
      for (const [statusClass, figures] of series.durations.entries()) {
        if (figures === null) continue;
        statusLabels.push(series.route, series.upstream, STATUS_CLASSES[statusClass] as string);
        counts.push(countOf(figures));
        durations.push(...figures);
      }
    }
    return [
      family(WORKER_METRICS.requests, statusLabels, counts),
      family(WORKER_METRICS.requestDuration, statusLabels, durations),
      family(WORKER_METRICS.requestBytes, routeLabels, requestBytes),
      family(WORKER_METRICS.responseBytes, routeLabels, responseBytes),
    ];
  }

  *#allRouteSeries(): Generator<RouteSeries> {
    for (const ofRoute of this.#byRoute.values()) yield* ofRoute.values();
    yield this.#other;
  }

  #reportConnections(): FamilyReport[] {
    const labels: string[] = [];
    const accepted: number[] = [];
    const active: number[] = [];
    for (const [listener, ofListener] of this.#connections) {
      for (const [protocol, series] of ofListener) {
        labels.push(listener, protocol);
        accepted.push(series.accepted);
        active.push(series.active);
      }
    }
    return [
      family(WORKER_METRICS.connections, labels, accepted),
      family(WORKER_METRICS.activeConnections, labels, active),
    ];
  }
}

function countWord(counts: Map<string, number>, word: string): void {
  const count = counts.get(word);
  if (count !== undefined) counts.set(word, count + 1);
  else if (counts.size < MAX_WORDS) counts.set(word, 1);
  else counts.set(OTHER, (counts.get(OTHER) ?? 0) + 1);
}

function family({ name }: MetricDefinition, labels: readonly string[], values: readonly number[]): FamilyReport {
  return { name, labels, values: Float64Array.from(values) };
}
