// Times of translation over a large world: cold, again without a change, after a change of one object, and the lane of
// endpoints. Run with `node bench/translate/run.ts [INGRESSES]`; 10,000 Ingress objects unless told otherwise.
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DEFAULT_ROUTE_POLICY } from "../../src/ir/route-table.ts";
import { hashSnapshot } from "../../src/translate/hash-snapshot.ts";
import type { TranslateOptions, TranslateResult } from "../../src/translate/result.ts";
import { translateEndpoints } from "../../src/translate/translate-endpoints.ts";
import { translate } from "../../src/translate/translate.ts";
import { makeIngress, makeSlice, makeWorld, namespaceOf } from "./world.ts";

const ROUNDS = 15;

const OPTIONS: TranslateOptions = {
  ingressClass: "penstock",
  controller: "penstock.dev/ingress-controller",
  serveUnclassified: false,
  defaultCertificate: null,
  routeDefaults: DEFAULT_ROUTE_POLICY,
  loopback: "refuse-loopback",
};

const count = Number(process.argv[2] ?? "10000");
const collectGarbage = exposeGarbageCollector();

console.log(`node ${process.version}, ${count} Ingress objects, ${ROUNDS} rounds, milliseconds`);
console.log(`${"".padEnd(34)}     wall      cpu   (all wall times)`);
let world = makeWorld(count);
const heapBefore = heapMegabytes();
let result!: TranslateResult;
report("translate, cold", [time(() => (result = translate(world, OPTIONS)))]);
const heapAfter = heapMegabytes();
report("hash, cold", [time(() => hashSnapshot(result))]);

report(
  "translate, nothing changed",
  rounds(() => () => (result = translate(world, OPTIONS))),
);
report("translate, one Ingress changed", rounds(changeOneIngress));
report("hash, one Ingress changed", rounds(translateThenHash));
report("endpoints of one Service changed", rounds(changeOneSlice));
report(
  "structured clone for one worker",
  rounds(() => () => structuredClone(snapshotOf(result))),
);

const { routeTable, diagnostics } = result;
console.log(`virtual hosts ${routeTable.virtualHosts.length}, diagnostics ${diagnostics.length}`);
console.log(
  `heap: objects ${heapBefore.toFixed(0)} MB, with the result and what is remembered ${heapAfter.toFixed(0)} MB`,
);

function changeOneIngress(round: number): () => void {
  const changed = makeIngress(round, `/changed-${round}`);
  world = { ...world, ingresses: Object.freeze(world.ingresses.with(round, changed)) };
  return () => (result = translate(world, OPTIONS));
}

function translateThenHash(round: number): () => void {
  changeOneIngress(round)();
  return () => hashSnapshot(result);
}

function changeOneSlice(round: number): () => void {
  const moved = makeSlice(round, 1_000_000 + round);
  world = { ...world, endpointSlices: Object.freeze(world.endpointSlices.with(round, moved)) };
  const service = { namespace: namespaceOf(round), name: `service-${round}` };
  return () => (result = translateEndpoints(result, world, [service], OPTIONS).result);
}

function snapshotOf({ statuses: _statuses, diagnostics: _diagnostics, ...snapshot }: TranslateResult): object {
  return snapshot;
}

function rounds(prepare: (round: number) => () => void): readonly Timing[] {
  return Array.from({ length: ROUNDS }, (_, round) => {
    return time(prepare(round));
  });
}

interface Timing {
  readonly wallMs: number;
  /** Of all threads of the process, so the collector's work counts; steadier than wall time on a busy machine. */
  readonly cpuMs: number;
}

function time(action: () => void): Timing {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs: performance.now() - startedAt, cpuMs: (user + system) / 1000 };
}

function report(what: string, timings: readonly Timing[]): void {
  const wall = timings.map(({ wallMs }) => wallMs).toSorted((left, right) => left - right);
  const cpu = timings.map(({ cpuMs }) => cpuMs).toSorted((left, right) => left - right);
  const all = wall.map((wallMs) => wallMs.toFixed(1)).join(" ");
  console.log(`${what.padEnd(34)} ${show(median(wall))} ${show(median(cpu))}   (${all})`);
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function show(valueMs: number): string {
  return valueMs.toFixed(1).padStart(8);
}

function heapMegabytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}

function exposeGarbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
