// What finding a route costs in CPU time, and choosing an endpoint, and compiling a large snapshot.
// Run: node bench/micro/route-lookup.ts
// The bar is 200 ns for a lookup of host and path, with 1 and with 5,000 of either, and 100 ms for 10,000 hosts.
import type { Balancer } from "../../src/engine/balance/balancer.ts";
import { EarliestDeadline } from "../../src/engine/balance/earliest-deadline.ts";
import { Rotation } from "../../src/engine/balance/rotation.ts";
import { SmoothRoundRobin } from "../../src/engine/balance/smooth-round-robin.ts";
import type { CompiledSnapshot } from "../../src/ingress/compile.ts";
import { compileSnapshot } from "../../src/ingress/compile.ts";
import { canonicalizeTarget, plainPathLength } from "../../src/ingress/request-path.ts";
import type { VirtualHost } from "../../src/ir/route-table.ts";
import { fakeEnvironment, snapshotOf } from "../../test/support/ingress-snapshot.ts";
import type { RouteSpec } from "../../test/support/ingress-snapshot.ts";

const CALLS_PER_ROUND = 400_000;
const ROUNDS = 7;
const REQUESTS = 1_024;

let sink = 0;

/** CPU nanoseconds of one call, median and best round. */
function measure(name: string, call: (i: number) => void, controlNs = 0): number {
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.threadCpuUsage();
    for (let i = 0; i < CALLS_PER_ROUND; i++) call(i % REQUESTS);
    const { user, system } = process.threadCpuUsage(before);
    samples.push(((user + system) * 1_000) / CALLS_PER_ROUND - controlNs);
  }
  const sorted = samples.toSorted((a, b) => a - b);
  const median = sorted[ROUNDS >> 1] ?? 0;
  process.stdout.write(`${name.padEnd(52)} ${median.toFixed(0).padStart(6)} ns (best ${sorted[0]?.toFixed(0)})\n`);
  return median;
}

/** A head as the parser has it; its host and target are cut out anew for each request, so that no hash is cached. */
interface Head {
  readonly text: string;
  readonly targetEnd: number;
  readonly hostEnd: number;
}

function headOf(host: string, target: string): Head {
  const text = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).toString("latin1");
  const targetEnd = 4 + target.length;
  return { text, targetEnd, hostEnd: targetEnd + 17 + host.length };
}

function measureLookup(hostCount: number, routesPerHost: number): void {
  const hosts: Record<string, readonly RouteSpec[]> = {};
  for (let h = 0; h < hostCount; h++) {
    hosts[`app-${h}.shop.example`] = Array.from({ length: routesPerHost }, (_, r) => ({
      path: routesPerHost === 1 ? "/" : `/service-${r}`,
      to: "web",
    }));
  }
  const compiled = compileSnapshot(snapshotOf({ hosts }), null, fakeEnvironment());
  const heads = Array.from({ length: REQUESTS }, (_, i) => {
    // A step that visits hosts and routes out of their order.
    const pick = i * 7_919;
    return headOf(`app-${pick % hostCount}.shop.example`, `/service-${pick % routesPerHost}/api/v1/items/${i}`);
  });
  const cutNs = measure("  (cutting host and target out of the head)", (i) => {
    const { text, targetEnd, hostEnd } = heads[i] as Head;
    sink += text.slice(4, targetEnd).length + text.slice(targetEnd + 17, hostEnd).length;
  });
  measure(
    `host and path among ${hostCount} x ${routesPerHost}`,
    (i) => {
      const { text, targetEnd, hostEnd } = heads[i] as Head;
      sink += lookUp(compiled, text.slice(targetEnd + 17, hostEnd), text.slice(4, targetEnd));
    },
    cutNs,
  );
}

function lookUp(compiled: CompiledSnapshot, host: string, target: string): number {
  if (plainPathLength(target) !== target.length) throw new Error(`${target} is not plain`);
  const route = compiled.hosts.lookup(host)?.paths.lookup(target);
  if (route === null || route === undefined) throw new Error(`${host}${target} has no route`);
  return route.limits.maxAttempts;
}

function measurePaths(): void {
  const targets = ["/api/v1/items/4711?page=2", "/caf%C3%A9/%20menu/4711?page=2", "/a/b/../c//d/%7euser"];
  for (const target of targets) {
    measure(`reading the path of ${target}`, () => {
      const length = plainPathLength(target);
      if (length === -1) sink += canonicalizeTarget(target).refusal === null ? 1 : 0;
      else sink += length;
    });
  }
}

const NONE: readonly object[] = [];

function measureBalancers(): void {
  for (const count of [2, 8, 16, 64, 1_000]) {
    const weightedTargets = Array.from({ length: count }, (_, i) => ({ target: { i }, weight: 1 + (i % 5) }));
    const balancers: [string, Balancer<object>][] = [
      [
        "rotation",
        new Rotation(
          weightedTargets.map((one) => one.target),
          0,
        ),
      ],
      ["smooth round robin", new SmoothRoundRobin(weightedTargets, 0)],
      ["earliest deadline", new EarliestDeadline(weightedTargets, 0)],
    ];
    for (const [name, balancer] of balancers) {
      measure(`${name} over ${count} endpoints`, () => {
        if (balancer.select(NONE) !== null) sink++;
      });
    }
  }
}

function measureCompile(hostCount: number): void {
  const hosts: Record<string, readonly RouteSpec[]> = {};
  const endpoints: Record<string, readonly string[]> = {};
  for (let h = 0; h < hostCount; h++) {
    const to = `shop/app-${h}/80`;
    hosts[`app-${h}.shop.example`] = [
      { path: "/api/v1", to },
      { path: "/", to },
    ];
    endpoints[to] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
  }
  const snapshot = snapshotOf({ hosts, endpoints });
  const title = `compiling ${hostCount} hosts with 2 routes each, ms, run after run`;
  let compiled: CompiledSnapshot | null = null;
  // As a worker gets its first snapshot: a clone that nobody has touched.
  const whole = timeRuns(() => {
    const received = structuredClone(snapshot);
    return () => (compiled = compileSnapshot(received, null, fakeEnvironment()));
  });
  process.stdout.write(`${title}: ${whole}\n`);

  // As it gets the next ones: one host is new, the others are the objects that it has.
  const { routeTable } = snapshot;
  const changed = timeRuns((run) => {
    const virtualHosts = routeTable.virtualHosts.with(
      run,
      structuredClone(routeTable.virtualHosts[run] as VirtualHost),
    );
    const received = { ...snapshot, routeTable: { ...routeTable, virtualHosts } };
    return () => (compiled = compileSnapshot(received, compiled, fakeEnvironment()));
  });
  process.stdout.write(`${title}, of which one changed: ${changed}\n`);
}

/** CPU milliseconds of each run of what `prepare` returns. */
function timeRuns(prepare: (run: number) => () => unknown): string {
  const samples: string[] = [];
  for (let run = 0; run < 6; run++) {
    const task = prepare(run);
    const before = process.threadCpuUsage();
    task();
    const { user, system } = process.threadCpuUsage(before);
    samples.push(((user + system) / 1_000).toFixed(0));
  }
  return samples.join(", ");
}

measurePaths();
measureLookup(1, 1);
measureLookup(5_000, 1);
measureLookup(1, 5_000);
measureLookup(100, 50);
measureBalancers();
measureCompile(10_000);
process.stdout.write(`(${sink > 0 ? "done" : "nothing done"})\n`);
