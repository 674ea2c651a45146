// The metrics of the main thread: configuration, workers, diagnostics, the process itself. Owns the registry that the
// admin endpoint prints.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { EventLoopDelay } from "./event-loop-delay.ts";
import type { WorkerMetricsReport } from "./metric-definitions.ts";

export interface MainMetricsOptions {
  readonly version: string;
  /** Figures of the process and of Node; off in tests, where many instances live in one process. */
  readonly hasProcessMetrics?: boolean;
}

/** Seconds: a small folder of manifests, up to a large cluster. */
const CONFIG_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const PUBLISH_RESULTS = ["programmed", "refused", "superseded"] as const;

export class MainMetrics {
  readonly registry: Registry = new Registry();
  readonly #eventLoopDelay = new EventLoopDelay("main");
  readonly #generation = this.#gauge("config_generation", "Newest generation of the configuration that was published.");
  readonly #workerGeneration = this.#gauge(
    "worker_config_generation",
    "Generation of the configuration that a worker serves; 0 for none.",
    ["worker"],
  );
  readonly #translateDuration = this.#histogram("translate_duration_seconds", "Translation of all objects.");
  readonly #publishDuration = this.#histogram(
    "snapshot_publish_duration_seconds",
    "From publishing a snapshot to the last worker's answer.",
  );
  readonly #snapshots = this.#counter("snapshots_total", "Snapshots that were published, by how they fared.", [
    "result",
  ]);
  readonly #diagnostics = this.#gauge("diagnostics", "Diagnostics in force.", ["severity", "reason"]);
  readonly #restarts = this.#counter("worker_restarts_total", "Workers that ended unasked, by cause.", ["cause"]);
  readonly #droppedLines = this.#counter(
    "access_log_lines_dropped_total",
    "Access-log lines that nobody took in time.",
  );

  constructor(options: MainMetricsOptions) {
    const buildInfo = this.#gauge("build_info", "Always 1; the labels say what runs.", ["version", "node_version"]);
    buildInfo.set({ version: options.version, node_version: process.version }, 1);
    for (const result of PUBLISH_RESULTS) this.#snapshots.inc({ result }, 0);
    if (options.hasProcessMetrics ?? true) collectDefaultMetrics({ register: this.registry });
  }

  published(generation: number, result: (typeof PUBLISH_RESULTS)[number], durationMs: number): void {
    this.#generation.set(generation);
    this.#snapshots.inc({ result });
    this.#publishDuration.observe(durationMs / 1_000);
  }

  workerServes(workerId: number, generation: number): void {
    this.#workerGeneration.set({ worker: String(workerId) }, generation);
  }

  translated(durationMs: number): void {
    this.#translateDuration.observe(durationMs / 1_000);
  }

  /** @param diagnostics all that are in force. */
  diagnosed(diagnostics: readonly Diagnostic[]): void {
    this.#diagnostics.reset();
    for (const { severity, reason } of diagnostics) this.#diagnostics.inc({ severity, reason });
  }

  workerStopped(cause: string): void {
    this.#restarts.inc({ cause });
  }

  accessLogDropped(lines: number): void {
    this.#droppedLines.inc(lines);
  }

  /** Figures that the main thread shares with the workers' metrics. */
  report(): WorkerMetricsReport {
    return { families: [this.#eventLoopDelay.report(true)] };
  }

  stop(): void {
    this.#eventLoopDelay.stop();
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: `penstock_${name}`, help, labelNames, registers: [this.registry] });
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name: `penstock_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({ name: `penstock_${name}`, help, buckets: CONFIG_BUCKETS, registers: [this.registry] });
  }
}
