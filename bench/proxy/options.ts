// The command line of `npm run bench`: what to run, how long, on which cores.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { PEERS } from "./peers/all.ts";
import type { Peer } from "./peers/peer.ts";
import { SCENARIOS } from "./scenarios.ts";
import type { Scenario } from "./scenarios.ts";

export interface BenchOptions {
  readonly peers: readonly Peer[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  /** Times that a disturbed sample is taken at most. */
  readonly tries: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly proxyCore: number;
  /** As `taskset -c` reads it. */
  readonly loadCores: string;
  /** Where all samples are written as JSON; null: nowhere. */
  readonly jsonFile: string | null;
}

/** A wrong flag: one line for the user. */
export class UsageError extends Error {}

/** One line on standard error; returns the exit code: 2 for a wrong command line, else 1. */
export function reportFailure(error: unknown): number {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  if (isUsage) process.stderr.write("--help shows the options\n");
  return isUsage ? 2 : 1;
}

export const USAGE: string = `usage: npm run bench -- [options]

  --peers a,b        which proxies (default: all that are found): ${PEERS.map((peer) => peer.name).join(", ")}
  --scenarios a,b    which workloads (default: all): ${SCENARIOS.map((scenario) => scenario.name).join(", ")}
  --rounds N         samples of each proxy and workload (default 3)
  --tries N          a sample is taken again while others use over a tenth of the proxy's core, N times at most (default 3)
  --seconds N        length of a measured run (default 1)
  --warm-up N        seconds of load before it (default 1)
  --json FILE        write every sample to FILE
  --proxy-core N     the core of the proxy (default 0)
  --load-cores LIST  the cores of origin and load generator (default: all others)
  --help

Peers are looked up on the PATH, or in NGINX_BIN, HAPROXY_BIN, ENVOY_BIN, CADDY_BIN,
BENCH_PENSTOCK_MAIN (dist/main.js of another build).
`;

/** Null: help was asked for. Throws `UsageError`. */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const values = parseFlags(args);
  if (values.help === true) return null;
  const proxyCore = parseCount("--proxy-core", values["proxy-core"] ?? "0", 0);
  const loadCores = values["load-cores"] ?? otherCores(proxyCore);
  assertCores(proxyCore, loadCores);
  return {
    peers: choose("--peers", values.peers, PEERS),
    scenarios: choose("--scenarios", values.scenarios, SCENARIOS),
    rounds: parseCount("--rounds", values.rounds ?? "3", 1),
    tries: parseCount("--tries", values.tries ?? "3", 1),
    seconds: parseCount("--seconds", values.seconds ?? "1", 1),
    warmUpSeconds: parseCount("--warm-up", values["warm-up"] ?? "1", 1),
    proxyCore,
    loadCores,
    jsonFile: values.json ?? null,
  };
}

const FLAGS = {
  peers: { type: "string" },
  scenarios: { type: "string" },
  rounds: { type: "string" },
  tries: { type: "string" },
  seconds: { type: "string" },
  "warm-up": { type: "string" },
  json: { type: "string" },
  "proxy-core": { type: "string" },
  "load-cores": { type: "string" },
  help: { type: "boolean" },
} as const;

type Flags = { readonly [Name in keyof typeof FLAGS]?: Name extends "help" ? boolean : string };

function parseFlags(args: readonly string[]): Flags {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The named ones, in the order given; all without a list. Throws `UsageError`. */
export function choose<T extends { readonly name: string }>(
  flag: string,
  list: string | undefined,
  all: readonly T[],
): readonly T[] {
  if (list === undefined) return all;
  return list.split(",").map((name) => {
    const found = all.find((candidate) => candidate.name === name);
    if (found === undefined) {
      throw new UsageError(`${flag}: there is no "${name}"; choose from ${all.map((one) => one.name).join(", ")}`);
    }
    return found;
  });
}

/** A whole number from `minimum` to 3600. Throws `UsageError`. */
export function parseCount(flag: string, text: string, minimum: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < minimum || value > 3_600) {
    throw new UsageError(`${flag}: "${text}" is no whole number from ${minimum} to 3600`);
  }
  return value;
}

/** Every core but one, as `taskset -c` reads it. */
export function otherCores(proxyCore: number): string {
  return Array.from({ length: availableParallelism() }, (_, core) => core)
    .filter((core) => core !== proxyCore)
    .join(",");
}

/** A proxy that shares its core with the load is not measured but disturbed. */
function assertCores(proxyCore: number, loadCores: string): void {
  if (loadCores === "") throw new UsageError("the benchmark needs two cores: one for the proxy, one for the load");
  if (!/^\d+([,-]\d+)*$/.test(loadCores)) throw new UsageError(`--load-cores: "${loadCores}" is no list of cores`);
  if (expandCores(loadCores).includes(proxyCore)) {
    throw new UsageError(`core ${proxyCore} cannot carry both the proxy and the load`);
  }
}

function expandCores(list: string): readonly number[] {
  return list.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  });
}
