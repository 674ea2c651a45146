// Load with h2load: HTTP/2 over TLS, or HTTP/1.1 at a fixed rate, which wrk has no flag for.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPinned } from "../child-processes.ts";
import { percentile } from "../statistics.ts";
import type { Load } from "../scenarios.ts";
import { MAIN_HOST } from "../site.ts";
import { OPENSSL_CONFIGURATION } from "./result.ts";
import type { LoadResult, LoadTarget } from "./result.ts";

export async function runH2load(h2load: string, load: Load, target: LoadTarget): Promise<LoadResult> {
  const logFile = join(target.directory, "h2load.log");
  const opensslConfig = join(target.directory, "openssl.cnf");
  writeFileSync(opensslConfig, OPENSSL_CONFIGURATION);
  const args = ["-t1", `-m${load.streams}`, `--log-file=${logFile}`, "--groups=X25519"];
  if (load.streams === 1) args.push("--h1");
  args.push(...quantityFlags(load, target.seconds));
  for (const field of load.fields) args.push("-H", field);
  const url = `${load.tls ? "https" : "http"}://${MAIN_HOST}:${target.port}${load.path}`;
  const output = await runPinned(
    h2load,
    [...args, url],
    { cores: target.cores, environment: { OPENSSL_CONF: opensslConfig } },
    (target.seconds + 20) * 1000,
  );
  const log = readFileSync(logFile, "utf8");
  rmSync(logFile);
  return { ...parseH2loadLog(log), errors: findErrors(output, load) };
}

/** Connections, and how much to send over them. Only a counted run may start its connections one after the other. */
function quantityFlags({ connections, pace }: Load, seconds: number): readonly string[] {
  if (pace === null) return [`-c${connections}`, `-D${seconds}`];
  if (pace.kind === "connections") {
    const count = pace.perMillisecond * 1000 * seconds;
    return [`-c${count}`, `-n${count}`, `-r${pace.perMillisecond}`, "--rate-period=1ms"];
  }
  const rate = pace.perConnectionPerSecond;
  return [`-c${connections}`, `-n${rate * connections * seconds}`, "-r1", "--rate-period=10ms", `--rps=${rate}`];
}

/** A row a response: start (µs since the epoch), status, duration in µs. */
export function parseH2loadLog(log: string): Omit<LoadResult, "errors"> {
  const durations: number[] = [];
  let first = Infinity;
  let last = 0;
  for (const row of log.split("\n")) {
    if (row === "") continue;
    const [start = 0, , duration = 0] = row.split("\t").map(Number);
    durations.push(duration);
    first = Math.min(first, start);
    last = Math.max(last, start + duration);
  }
  durations.sort((a, b) => a - b);
  return {
    requests: durations.length,
    seconds: durations.length === 0 ? 0 : (last - first) / 1e6,
    p50Ms: percentile(durations, 0.5) / 1000,
    p99Ms: percentile(durations, 0.99) / 1000,
  };
}

/** Reads h2load's summary: anything but successful requests with status 2xx over the wanted protocol is an error. */
export function findErrors(output: string, load: Pick<Load, "streams" | "tls">): readonly string[] {
  const errors: string[] = [];
  const counts = /(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(output);
  const statuses = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(output);
  if (counts === null || statuses === null) return [`h2load printed no summary: ${output.slice(-200)}`];
  const [done = 0, , failed = 0, errored = 0, timeouts = 0] = counts.slice(1).map(Number);
  const [, redirected = 0, refused = 0, broken = 0] = statuses.slice(1).map(Number);
  if (done === 0) errors.push("no request was answered");
  if (failed + errored + timeouts > 0) errors.push(`${failed + errored + timeouts} failed requests`);
  if (redirected + refused + broken > 0) errors.push(`${redirected + refused + broken} responses other than 2xx`);
  const wantsHttp2 = load.tls && load.streams > 1;
  if (wantsHttp2 && !output.includes("Application protocol: h2\n")) errors.push("no HTTP/2 connection");
  return errors;
}
