// Asks all workers for their figures when somebody scrapes, and keeps what each said last, for workers that are too busy
// to answer in time and for those that die.
import type { Clock } from "../lib/clock.ts";
import type { WorkerMetricsReport } from "../telemetry/metric-definitions.ts";
import type { WorkerTotals } from "../telemetry/worker-totals.ts";
import type { FromWorker } from "./protocol.ts";
import type { WorkerLink, WorkerObserver } from "./worker-link.ts";

/** Prints all metrics: prom-client's registry. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface MetricsCollectorOptions {
  readonly registry: MetricsRegistry;
  readonly totals: WorkerTotals;
  /** Figures of the main thread; read for each scrape. */
  readonly reportMain: () => WorkerMetricsReport;
  readonly clock: Clock;
  /** How long a scrape waits for the workers; milliseconds. */
  readonly timeoutMs?: number;
}

export interface MetricsPage {
  readonly contentType: string;
  readonly body: string;
}

const DEFAULT_TIMEOUT_MS = 1_000;

interface Collection {
  readonly id: number;
  readonly waiting: Set<WorkerLink>;
  readonly finish: () => void;
}

export class MetricsCollector implements WorkerObserver {
  readonly #options: MetricsCollectorOptions;
  readonly #links = new Set<WorkerLink>();
  /** Stands for the main thread among the runs of workers. */
  readonly #mainThread = {};
  #collection: Collection | null = null;
  #page: Promise<MetricsPage> | null = null;
  #lastId = 0;

  constructor(options: MetricsCollectorOptions) {
    this.#options = options;
  }

  /** Fresh figures of every worker that answers in time, and the last ones of the others. Scrapes at one time share a page. */
  scrape(): Promise<MetricsPage> {
    this.#page ??= this.#makePage().finally(() => (this.#page = null));
    return this.#page;
  }

  workerStarted(link: WorkerLink): void {
    this.#links.add(link);
  }

  workerAnswered(link: WorkerLink, message: FromWorker): void {
    if (message.type !== "metrics") return;
    this.#options.totals.accept(link, message.metrics);
    if (message.id === this.#collection?.id) this.#noteAnswer(link);
  }

  workerStopped(link: WorkerLink): void {
    this.#links.delete(link);
    this.#options.totals.retire(link);
    this.#noteAnswer(link);
  }

  async #makePage(): Promise<MetricsPage> {
    const { registry, totals, reportMain } = this.#options;
    await this.#collect();
    totals.accept(this.#mainThread, reportMain());
    return { contentType: registry.contentType, body: await registry.metrics() };
  }

  async #collect(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastId += 1;
    this.#collection = { id: this.#lastId, waiting: new Set(this.#links), finish: resolve };
    const timer = this.#options.clock.setTimer(resolve, this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    for (const link of this.#links) link.post({ type: "collect-metrics", id: this.#lastId });
    if (this.#links.size === 0) resolve();
    await promise;
    timer.cancel();
    this.#collection = null;
  }

  #noteAnswer(link: WorkerLink): void {
    const collection = this.#collection;
    if (collection === null) return;
    collection.waiting.delete(link);
    if (collection.waiting.size === 0) collection.finish();
  }
}
