// `npm run bench`: Penstock beside other proxies, each alone on one core, doing the same work.
import { writeFileSync } from "node:fs";
import { stopProcess } from "./child-processes.ts";
import { describeEnvironment, h2loadVersion, wrkVersion } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { parseOptions, reportFailure, USAGE, UsageError } from "./options.ts";
import type { BenchOptions } from "./options.ts";
import { findContestants, prepareBench } from "./preparation.ts";
import type { Bench, Contestant } from "./proxy-process.ts";
import { renderEnvironment, renderNotes, renderOverview, renderScenario } from "./report.ts";
import { takeQuietSample } from "./sample.ts";
import type { Sample } from "./sample.ts";

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === null) {
    process.stdout.write(USAGE);
    return 0;
  }
  const contestants = findContestants(options.peers);
  if (contestants.length === 0) throw new UsageError("none of the proxies is here");
  const bench = await prepareBench(options);
  try {
    const samples = await takeSamples(options, bench, contestants);
    printReport(options, samples, describe(bench, contestants));
    return samples.some((sample) => sample.errors.length === 0) ? 0 : 1;
  } finally {
    await stopProcess(bench.origin.child);
  }
}

/** Round by round, so that a noisy minute touches all proxies; odd rounds go backwards, so that none is always first. */
async function takeSamples(
  options: BenchOptions,
  bench: Bench,
  contestants: readonly Contestant[],
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const total = options.rounds * options.scenarios.length * contestants.length;
  for (let round = 0; round < options.rounds; round += 1) {
    const order = round % 2 === 0 ? contestants : contestants.toReversed();
    for (const scenario of options.scenarios) {
      for (const contestant of order) {
        const sample = await takeQuietSample(bench, contestant, scenario, { round, tries: options.tries });
        samples.push(sample);
        process.stderr.write(`${samples.length}/${total} ${describeSample(sample)}\n`);
      }
    }
  }
  return samples;
}

function describeSample(sample: Sample): string {
  const name = `${sample.scenario} ${sample.proxy}:`;
  if (sample.errors.length > 0) return `${name} rejected: ${sample.errors.join("; ")}`;
  const foreign = `others on its core ${Math.round(sample.foreignShare * 100)} %`;
  return `${name} ${sample.cpuUs.toFixed(1)} µs, ${Math.round(sample.requestsPerSecond)} req/s, ${foreign}`;
}

function describe(bench: Bench, contestants: readonly Contestant[]): Environment {
  const versions = contestants.map(({ peer, binary }) => [peer.name, binary.version] as const);
  const tools = [
    ["wrk", wrkVersion(bench.wrk)],
    ["h2load", h2loadVersion(bench.h2load)],
  ] as const;
  return describeEnvironment(Object.fromEntries([...versions, ...tools]));
}

function printReport(options: BenchOptions, samples: readonly Sample[], environment: Environment): void {
  const proxies = options.peers
    .map((peer) => peer.name)
    .filter((name) => samples.some((sample) => sample.proxy === name));
  const sections = [
    renderEnvironment(environment),
    renderOverview(samples, options.scenarios, proxies),
    ...options.scenarios.map((scenario) => renderScenario(samples, scenario, proxies)),
    renderNotes(samples),
  ];
  process.stdout.write(`${sections.filter((section) => section !== "").join("\n\n")}\n`);
  if (options.jsonFile === null) return;
  const { rounds, tries, seconds, warmUpSeconds, proxyCore, loadCores } = options;
  const settings = { rounds, tries, seconds, warmUpSeconds, proxyCore, loadCores };
  writeFileSync(options.jsonFile, `${JSON.stringify({ environment, settings, samples }, null, 2)}\n`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = reportFailure(error);
}
