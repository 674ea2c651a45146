// Profiles one proxy under one workload of the benchmark: V8's profile of Penstock's threads, or perf's of any proxy.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { runPinned, stopProcess } from "./child-processes.ts";
import { printHotFunctions } from "./cpu-profile.ts";
import { choose, otherCores, parseCount, reportFailure, UsageError } from "./options.ts";
import { PEERS } from "./peers/all.ts";
import { findContestants, prepareBench } from "./preparation.ts";
import { listTree } from "./process-tree.ts";
import { createSite, runLoad, startProxy } from "./proxy-process.ts";
import type { Bench, Contestant } from "./proxy-process.ts";
import { SCENARIOS } from "./scenarios.ts";
import type { Scenario } from "./scenarios.ts";

const USAGE = `usage: node bench/proxy/profile.ts [options]

  --scenario NAME   workload (default small): ${SCENARIOS.map((scenario) => scenario.name).join(", ")}
  --peer NAME       proxy (default penstock); others than Penstock need --perf
  --seconds N       length of the profiled run (default 5)
  --perf            sample with perf, kernel included, instead of V8's profiler
  --out DIR         where the profiles go (default ./profile)

Without --perf: one .cpuprofile a thread (open it in Chrome's or VS Code's profiler), and the functions
that took the most time themselves are printed. With --perf: perf.data, and its report as perf.txt.
`;

async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args);
  if (flags.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [scenario] = choose("--scenario", flags.scenario ?? "small", SCENARIOS);
  const peers = choose("--peer", flags.peer ?? "penstock", PEERS);
  const seconds = parseCount("--seconds", flags.seconds ?? "5", 1);
  const usesPerf = flags.perf === true;
  if (!usesPerf && peers[0]?.name !== "penstock") throw new UsageError("--peer: only Penstock runs on V8; add --perf");
  const [contestant] = findContestants(peers);
  if (contestant === undefined || scenario === undefined) return 1;
  const directory = resolve(flags.out ?? "profile");
  mkdirSync(directory, { recursive: true });
  process.env["BENCH_NODE_FLAGS"] = (
    usesPerf ? PERF_NODE_FLAGS : [...V8_NODE_FLAGS, `--cpu-prof-dir=${directory}`]
  ).join(" ");
  const bench = await prepareBench({ proxyCore: 0, loadCores: otherCores(0), warmUpSeconds: 2, seconds });
  try {
    await profile(bench, contestant, scenario, usesPerf ? directory : null);
  } finally {
    await stopProcess(bench.origin.child);
  }
  if (!usesPerf) printHotFunctions(directory);
  process.stdout.write(`profiles are in ${directory}\n`);
  return 0;
}

/** Names of compiled and interpreted functions, and frame pointers, for perf. */
const PERF_NODE_FLAGS = ["--perf-basic-prof", "--interpreted-frames-native-stack"];
const V8_NODE_FLAGS = ["--cpu-prof", "--cpu-prof-interval=200"];

const FLAGS = {
  scenario: { type: "string" },
  peer: { type: "string" },
  seconds: { type: "string" },
  out: { type: "string" },
  perf: { type: "boolean" },
  help: { type: "boolean" },
} as const;

interface Flags {
  readonly scenario?: string;
  readonly peer?: string;
  readonly seconds?: string;
  readonly out?: string;
  readonly perf?: boolean;
  readonly help?: boolean;
}

function parseFlags(args: readonly string[]): Flags {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** V8 writes its profiles when the proxy ends; perf watches only the measured run. */
async function profile(
  bench: Bench,
  contestant: Contestant,
  scenario: Scenario,
  perfDirectory: string | null,
): Promise<void> {
  const directory = join(bench.directory, "sample");
  mkdirSync(directory);
  const site = await createSite(bench, scenario, directory);
  const proxy = await startProxy(bench, contestant, site, scenario.load);
  try {
    await runLoad(bench, scenario.load, site, bench.warmUpSeconds);
    const load = runLoad(bench, scenario.load, site, bench.seconds);
    if (perfDirectory !== null) await recordPerf(bench, proxy.pid ?? 0, perfDirectory);
    const result = await load;
    const rate = Math.round(result.requests / result.seconds);
    process.stdout.write(`${scenario.name}: ${result.requests} requests, ${rate} a second while profiled\n`);
    for (const error of result.errors) process.stdout.write(`not clean: ${error}\n`);
    if (perfDirectory !== null) reportPerf(perfDirectory);
  } finally {
    await stopProcess(proxy, 15_000);
  }
}

/** By the clock: virtual machines often have no cycle counter. */
async function recordPerf(bench: Bench, pid: number, directory: string): Promise<void> {
  const data = join(directory, "perf.data");
  const args = ["record", "-q", "-e", "cpu-clock", "-F", "997", "-g", "-o", data, "-p", listTree(pid).join(",")];
  const seconds = Math.max(1, bench.seconds - 1);
  await runPinned("perf", [...args, "--", "sleep", String(seconds)], { cores: bench.loadCores }, (seconds + 20) * 1000);
}

/** While the proxy still runs: its map of compiled functions belongs to its pid. */
function reportPerf(directory: string): void {
  const totals = renderPerf(directory, "comm,dso");
  const symbols = renderPerf(directory, "comm,dso,symbol");
  writeFileSync(join(directory, "perf.txt"), `${totals.join("\n")}\n\n${symbols.join("\n")}\n`);
  process.stdout.write(`${totals.slice(0, 12).join("\n")}\n\n${symbols.slice(0, 40).join("\n")}\n`);
}

function renderPerf(directory: string, sort: string): readonly string[] {
  const args = ["report", "-i", join(directory, "perf.data"), "--stdio", "--no-children", "-g", "none", "--sort", sort];
  const text = execFileSync("perf", args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 2 ** 28,
  });
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = reportFailure(error);
}
