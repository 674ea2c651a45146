// What counting one request costs in CPU time: plain numbers, against prom-client's children. Run:
// node bench/micro/worker-metrics.ts
import { Counter, Histogram, Registry } from "prom-client";
import { DURATION_BUCKETS_MS, WORKER_METRICS } from "../../src/telemetry/metric-definitions.ts";
import { WorkerMetrics } from "../../src/telemetry/worker-metrics.ts";

const REQUESTS_PER_ROUND = 200_000;
const ROUNDS = 15;
const ROUTES = Array.from({ length: 500 }, (_, i) => ({
  route: `shop/ingress-${i}/0/0`,
  upstream: `shop/service-${i}/80`,
}));

const metrics = new WorkerMetrics({ workerId: 0 });
measure("plain numbers", (route, upstream, i) => {
  metrics.routeSeries(route, upstream).observe(200, (i & 31) / 3, 0, 35);
  metrics.countUpstreamConnection(true);
});

const registry = new Registry();
const requests = new Counter({ ...describe(WORKER_METRICS.requests), registers: [registry] });
const duration = new Histogram({
  ...describe(WORKER_METRICS.requestDuration),
  buckets: DURATION_BUCKETS_MS.map((ms) => ms / 1_000),
  registers: [registry],
});
const bytes = new Counter({ ...describe(WORKER_METRICS.responseBytes), registers: [registry] });
const children = new Map(
  ROUTES.map(({ route, upstream }) => [
    route,
    {
      requests: requests.labels(route, upstream, "2xx"),
      duration: duration.labels(route, upstream, "2xx"),
      bytes: bytes.labels(route, upstream),
    },
  ]),
);
measure("prom-client, bound children", (route, _upstream, i) => {
  const child = children.get(route);
  if (child === undefined) return;
  child.requests.inc();
  child.duration.observe((i & 31) / 3_000);
  child.bytes.inc(35);
});

const startedAt = performance.now();
const report = metrics.report(1);
const reportedAt = performance.now();
structuredClone(report);
const clonedAt = performance.now();
process.stdout.write(
  `report of ${ROUTES.length} routes: ${(reportedAt - startedAt).toFixed(1)} ms, clone ${(clonedAt - reportedAt).toFixed(1)} ms\n`,
);
metrics.stop();

function measure(name: string, run: (route: string, upstream: string, i: number) => void): void {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let i = 0; i < REQUESTS_PER_ROUND; i += 1) {
      const pair = ROUTES[i % ROUTES.length];
      if (pair !== undefined) run(pair.route, pair.upstream, i);
    }
    const { user, system } = process.cpuUsage(before);
    rounds.push(((user + system) * 1_000) / REQUESTS_PER_ROUND);
  }
  rounds.sort((one, other) => one - other);
  process.stdout.write(
    `${name.padEnd(32)} best ${(rounds[0] ?? 0).toFixed(0)} ns, median ${(rounds[ROUNDS >> 1] ?? 0).toFixed(0)} ns\n`,
  );
}

function describe(definition: { name: string; help: string; labelNames: readonly string[] }): {
  name: string;
  help: string;
  labelNames: string[];
} {
  return { name: definition.name, help: definition.help, labelNames: [...definition.labelNames] };
}
