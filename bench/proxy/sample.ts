// One sample: a fresh proxy process, a warm-up, a measured run, and the checks that make the sample count.
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stopProcess } from "./child-processes.ts";
import type { LoadResult } from "./load/result.ts";
import { readOriginCounters } from "./origin.ts";
import { fetchText, findMissingWork } from "./probe.ts";
import { readCoreBusyUs, readCpuTime, readMemory } from "./process-tree.ts";
import { createSite, probeTarget, runLoad, startProxy } from "./proxy-process.ts";
import type { Bench, Contestant } from "./proxy-process.ts";
import type { Load, Scenario } from "./scenarios.ts";
import type { Site } from "./site.ts";

export interface Sample {
  readonly proxy: string;
  readonly scenario: string;
  readonly round: number;
  /** Microseconds of CPU time a request, all threads and children of the proxy. */
  readonly cpuUs: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly residentBytes: number;
  readonly proportionalBytes: number;
  /** Share of the proxy's core that the proxy used; near 1 it was the bottleneck. */
  readonly coreShare: number;
  /** Share of the proxy's core that others used in that time: noise. */
  readonly foreignShare: number;
  /** Connections that the proxy opened to the origin in the measured run. */
  readonly upstreamConnections: number;
  /** Why the sample does not count; empty for a good one. */
  readonly errors: readonly string[];
}

/** Over this share of the proxy's core used by others a sample is disturbed: caches are cold, and CPU time a request grows. */
export const DISTURBED_SHARE = 0.1;

/** On a busy machine: a disturbed sample is taken again, up to `tries` times in all; the quietest counts, whatever it says. */
export async function takeQuietSample(
  bench: Bench,
  contestant: Contestant,
  scenario: Scenario,
  { round, tries }: { readonly round: number; readonly tries: number },
): Promise<Sample> {
  let quietest = await takeSample(bench, contestant, scenario, round);
  for (let taken = 1; taken < tries && quietest.foreignShare > DISTURBED_SHARE; taken += 1) {
    const sample = await takeSample(bench, contestant, scenario, round);
    if (sample.errors.length > 0) return sample;
    if (sample.foreignShare < quietest.foreignShare) quietest = sample;
  }
  return quietest;
}

/** Never throws for what a proxy does wrong: the sample says it. */
async function takeSample(bench: Bench, contestant: Contestant, scenario: Scenario, round: number): Promise<Sample> {
  const directory = join(bench.directory, "sample");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  try {
    const site = await createSite(bench, scenario, directory);
    const measured = await measure(bench, contestant, scenario, site);
    const errors = [...measured.errors, ...findLogFaults(site.accessLogFile, measured.requests)];
    return { proxy: contestant.peer.name, scenario: scenario.name, round, ...measured, errors };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { proxy: contestant.peer.name, scenario: scenario.name, round, ...NOTHING, errors: [reason] };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

type Measured = Omit<Sample, "proxy" | "scenario" | "round">;

async function measure(bench: Bench, contestant: Contestant, scenario: Scenario, site: Site): Promise<Measured> {
  const { load } = scenario;
  const proxy = await startProxy(bench, contestant, site, load);
  try {
    const target = probeTarget(load, site);
    const faults = findMissingWork((await fetchText(target)).body, target);
    const warmUpErrors = await warmUp(bench, load, site);
    const run = await measureRun(bench, proxy, () => runLoad(bench, load, site, bench.seconds));
    const errors = [
      ...faults.map((fault) => `not the same work: ${fault}`),
      ...warmUpErrors.map((error) => `${error} (warm-up)`),
      ...run.errors,
    ];
    return { ...run, errors };
  } finally {
    await stopProcess(proxy);
  }
}

/** A busy machine may leave a proxy too little time: a compiler that works while the proxy runs needs requests, not seconds. */
async function warmUp(bench: Bench, load: Load, site: Site): Promise<readonly string[]> {
  let requests = 0;
  for (let runs = 0; runs < WARM_UP_RUNS && requests < WARM_UP_REQUESTS; runs += 1) {
    const result = await runLoad(bench, load, site, bench.warmUpSeconds);
    if (result.errors.length > 0) return result.errors;
    requests += result.requests;
  }
  return [];
}

const WARM_UP_REQUESTS = 10_000;
const WARM_UP_RUNS = 3;

async function measureRun(bench: Bench, proxy: ChildProcess, run: () => Promise<LoadResult>): Promise<Measured> {
  const pid = proxy.pid ?? 0;
  const countersBefore = await readOriginCounters(bench.origin);
  const startedAt = performance.now();
  const coreBefore = readCoreBusyUs(bench.proxyCore);
  const cpuBefore = readCpuTime(pid);
  const result = await run();
  const cpuAfter = readCpuTime(pid);
  const coreAfter = readCoreBusyUs(bench.proxyCore);
  const elapsedUs = (performance.now() - startedAt) * 1000;
  const countersAfter = await readOriginCounters(bench.origin);

  const userUs = cpuAfter.userUs - cpuBefore.userUs;
  const systemUs = cpuAfter.systemUs - cpuBefore.systemUs;
  const errors = [...result.errors];
  if (proxy.exitCode !== null || proxy.signalCode !== null) errors.push("the proxy ended during the run");
  const arrived = countersAfter.requests - countersBefore.requests;
  if (arrived < result.requests) errors.push(`only ${arrived} of ${result.requests} requests reached the origin`);
  return {
    cpuUs: (userUs + systemUs) / result.requests,
    userUs: userUs / result.requests,
    systemUs: systemUs / result.requests,
    requests: result.requests,
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    ...readMemory(pid),
    coreShare: (userUs + systemUs) / elapsedUs,
    foreignShare: Math.max(0, coreAfter - coreBefore - userUs - systemUs) / elapsedUs,
    // Reading the counters takes a connection of its own.
    upstreamConnections: countersAfter.connections - countersBefore.connections - 1,
    errors,
  };
}

const NOTHING: Omit<Measured, "errors"> = {
  cpuUs: NaN,
  userUs: NaN,
  systemUs: NaN,
  requests: 0,
  requestsPerSecond: NaN,
  p50Ms: NaN,
  p99Ms: NaN,
  residentBytes: NaN,
  proportionalBytes: NaN,
  coreShare: NaN,
  foreignShare: NaN,
  upstreamConnections: NaN,
};

/** A proxy that stopped has written its whole log: a line a request, each a JSON object. */
function findLogFaults(path: string, requests: number): readonly string[] {
  if (!existsSync(path)) return ["not the same work: no access log"];
  const content = readFileSync(path);
  let lines = 0;
  for (let at = content.indexOf(10); at !== -1; at = content.indexOf(10, at + 1)) lines += 1;
  if (lines < requests) return [`not the same work: ${lines} log lines for ${requests} requests`];
  const start = content.lastIndexOf(10, content.length - 2) + 1;
  const line = content.subarray(start).toString("utf8");
  try {
    JSON.parse(line);
    return [];
  } catch {
    return [`not the same work: a log line that is no JSON: ${line.slice(0, 120)}`];
  }
}
