// Logs and metrics of a running proxy: tells the event log and the metrics of everything that happens, and brings the
// workers' access-log lines to standard output.
import { MetricsCollector } from "../../dataplane/metrics-collector.ts";
import type { PublishOutcome } from "../../dataplane/publisher.ts";
import type { SupervisorEvent } from "../../dataplane/supervisor.ts";
import type { WorkerObserver } from "../../dataplane/worker-link.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { RouteTable } from "../../ir/route-table.ts";
import { systemClock } from "../../lib/clock.ts";
import type { DiagnosticChange } from "../../reconcile/diagnostic-ledger.ts";
import { AccessLogSink } from "../../telemetry/access-log-sink.ts";
import type { Logger } from "../../telemetry/log.ts";
import { ClusterMetrics } from "../../telemetry/cluster-metrics.ts";
import type { CollectionFigures } from "../../telemetry/cluster-metrics.ts";
import { MainMetrics } from "../../telemetry/main-metrics.ts";
import { createSeriesFilter } from "../../telemetry/series-filter.ts";
import { WorkerTotals } from "../../telemetry/worker-totals.ts";
import { EventLog } from "./event-log.ts";
import { readVersion } from "../version.ts";

const STANDARD_OUTPUT = 1;
/** For lines that still wait when everything else has ended; milliseconds. */
const FLUSH_TIMEOUT_MS = 1_000;

export class EventSinks {
  readonly collector: MetricsCollector;
  /** To be told of every worker. */
  readonly workerObservers: readonly WorkerObserver[];
  readonly #events: EventLog;
  readonly #metrics = new MainMetrics({ version: readVersion() });
  readonly #totals = new WorkerTotals(this.#metrics.registry);
  readonly #accessLog: AccessLogSink;

  constructor(logger: Logger) {
    this.#events = new EventLog(logger);
    this.#accessLog = new AccessLogSink({
      destination: STANDARD_OUTPUT,
      onDropped: (lines) => {
        this.#metrics.accessLogDropped(lines);
        this.#events.accessLogDropped(lines);
      },
    });
    this.collector = new MetricsCollector({
      registry: this.#metrics.registry,
      totals: this.#totals,
      reportMain: () => this.#metrics.report(),
      clock: systemClock,
    });
    const accessLogObserver: WorkerObserver = {
      workerAnswered: (_link, message) => {
        if (message.type === "access-log") this.#accessLog.write(message.lines);
      },
    };
    this.workerObservers = [accessLogObserver, this.collector, this.#events.workerObserver];
  }

  /** @param collections read at each scrape. */
  createClusterMetrics(collections: () => readonly CollectionFigures[]): ClusterMetrics {
    return new ClusterMetrics(this.#metrics.registry, collections);
  }

  published(outcome: PublishOutcome): void {
    this.#events.published(outcome);
    this.#metrics.published(outcome.generation, outcome.state, outcome.durationMs);
  }

  workerServes(workerId: number, generation: number): void {
    this.#metrics.workerServes(workerId, generation);
  }

  workerEvent(event: SupervisorEvent): void {
    this.#events.workerEvent(event);
    if (event.type === "worker-stopped" && event.reason.cause !== "stopped") {
      this.#metrics.workerStopped(event.reason.cause);
    }
  }

  /** @param current all diagnostics that are in force. */
  diagnosed(change: DiagnosticChange, current: readonly Diagnostic[]): void {
    this.#events.diagnosed(change);
    this.#metrics.diagnosed(current);
  }

  translated(table: RouteTable, durationMs: number): void {
    this.#metrics.translated(durationMs);
    this.#totals.retain(createSeriesFilter(table));
  }

  translationFailed(error: unknown): void {
    this.#events.translationFailed(error);
  }

  /**
   * Writes what is queued.
   * @returns false where somebody holds standard output up: process.exit would wait for them, only a signal would not.
   */
  close(): Promise<boolean> {
    this.#metrics.stop();
    return this.#accessLog.close(FLUSH_TIMEOUT_MS);
  }
}
