// Adds up what workers report. Figures of a worker that died stay in the sum, so that no counter goes backwards when it is
// replaced; gauges go with it.
import type { Registry } from "prom-client";
import { DURATION_BUCKETS_MS, HISTOGRAM_STRIDE, WORKER_METRICS } from "./metric-definitions.ts";
import type { FamilyReport, MetricDefinition, WorkerMetricsReport } from "./metric-definitions.ts";
import type { SeriesFilter } from "./series-filter.ts";

interface Sample {
  readonly labels: readonly string[];
  readonly figures: Float64Array;
}

/** Samples of one metric by their label values. */
type Samples = Map<string, Sample>;

/** What prom-client's registry prints. */
interface ExposedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly ExposedValue[];
}

interface ExposedValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels that many values share are printed once, and the text is kept: that halves the time of a scrape. */
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** `le` of every bucket, as prom-client prints it. */
const BOUNDS: readonly string[] = [...DURATION_BUCKETS_MS.map((ms) => String(ms / 1_000)), "+Inf"];

export class WorkerTotals {
  /** Last report of every worker that runs; the key is its run, not its place. */
  readonly #running = new Map<object, WorkerMetricsReport>();
  /** Counters of workers that are gone, by metric. */
  readonly #gone = new Map<string, Samples>();
  #isConfigured: SeriesFilter = () => true;

  /** @param registry gets all metrics of the workers. */
  constructor(registry: Registry) {
    for (const definition of Object.values(WORKER_METRICS)) {
      // The registry asks a metric for nothing but its name and its values, as prom-client's own aggregation does; the
      // published type wants the whole class.
      const metric = { name: definition.name, get: () => Promise.resolve(this.#expose(definition)) };
      registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
    }
  }

  /** @param run identifies one run of a worker thread. */
  accept(run: object, report: WorkerMetricsReport): void {
    this.#running.set(run, report);
  }

  /** The run is over. */
  retire(run: object): void {
    const report = this.#running.get(run);
    if (report === undefined) return;
    this.#running.delete(run);
    for (const definition of Object.values(WORKER_METRICS)) {
      if (definition.kind === "gauge") continue;
      const samples = this.#gone.get(definition.name) ?? new Map<string, Sample>();
      this.#gone.set(definition.name, samples);
      addFamily(samples, definition, report);
    }
  }

  /** Drops series of routes that the configuration no longer has. */
  retain(isConfigured: SeriesFilter): void {
    this.#isConfigured = isConfigured;
    for (const [name, samples] of this.#gone) {
      if (!hasRoute(name)) continue;
      for (const [key, sample] of samples) {
        if (!this.#isKept(sample)) samples.delete(key);
      }
    }
  }

  #expose(definition: MetricDefinition): ExposedMetric {
    const samples: Samples = new Map();
    for (const [key, { labels, figures }] of this.#gone.get(definition.name) ?? []) {
      samples.set(key, { labels, figures: figures.slice() });
    }
    for (const report of this.#running.values()) addFamily(samples, definition, report);
    const values = [...samples.values()]
      .filter((sample) => !hasRoute(definition.name) || this.#isKept(sample))
      .flatMap((sample) => exposeSample(definition, sample));
    const { name, help, kind } = definition;
    return { name, help, type: kind, values };
  }

  #isKept({ labels }: Sample): boolean {
    return this.#isConfigured(labels[0] ?? "", labels[1] ?? "");
  }
}

const ROUTE_METRICS: ReadonlySet<string> = new Set(
  Object.values(WORKER_METRICS).flatMap(({ name, labelNames }) => (labelNames[0] === "route" ? [name] : [])),
);

function hasRoute(name: string): boolean {
  return ROUTE_METRICS.has(name);
}

function addFamily(samples: Samples, definition: MetricDefinition, report: WorkerMetricsReport): void {
  const family = report.families.find((candidate) => candidate.name === definition.name);
  if (family === undefined) return;
  for (const { labels, figures } of samplesOf(definition, family)) {
    const key = labels.join("\0");
    const known = samples.get(key);
    if (known === undefined) samples.set(key, { labels, figures: figures.slice() });
    else for (let i = 0; i < figures.length; i += 1) known.figures[i] = (known.figures[i] ?? 0) + (figures[i] ?? 0);
  }
}

function* samplesOf(definition: MetricDefinition, { labels, values }: FamilyReport): Generator<Sample> {
  const width = definition.labelNames.length;
  const stride = definition.kind === "histogram" ? HISTOGRAM_STRIDE : 1;
  for (let i = 0; i * stride < values.length; i += 1) {
    yield { labels: labels.slice(i * width, (i + 1) * width), figures: values.subarray(i * stride, (i + 1) * stride) };
  }
}

function exposeSample(definition: MetricDefinition, { labels, figures }: Sample): ExposedValue[] {
  const { name, labelNames, kind } = definition;
  const sharedLabels = Object.fromEntries(labelNames.map((label, i) => [label, labels[i] ?? ""] as const));
  if (kind !== "histogram") return [{ metricName: name, labels: {}, sharedLabels, value: figures[0] ?? 0 }];
  let count = 0;
  const buckets = BOUNDS.map((le, i) => {
    count += figures[i] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, sharedLabels, value: figures[HISTOGRAM_STRIDE - 1] ?? 0 },
    { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
  ];
}
