// Closed-loop HTTP/1.1 load with wrk: a fixed number of connections, each with one request in flight.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPinned } from "../child-processes.ts";
import type { Load } from "../scenarios.ts";
import { MAIN_HOST } from "../site.ts";
import { OPENSSL_CONFIGURATION } from "./result.ts";
import type { LoadResult, LoadTarget } from "./result.ts";

export async function runWrk(wrk: string, load: Load, target: LoadTarget): Promise<LoadResult> {
  const script = join(target.directory, "wrk.lua");
  writeFileSync(script, renderScript(load, target.hosts));
  const opensslConfig = join(target.directory, "openssl.cnf");
  writeFileSync(opensslConfig, OPENSSL_CONFIGURATION);
  const url = `${load.tls ? "https" : "http"}://${MAIN_HOST}:${target.port}${load.path}`;
  const fields = [...load.fields, ...(load.newConnectionPerRequest ? ["Connection: close"] : [])];
  const args = ["-t1", `-c${load.connections}`, `-d${target.seconds}s`, "--timeout", "5s", "-s", script];
  const output = await runPinned(
    wrk,
    [...args, ...fields.flatMap((field) => ["-H", field]), url],
    { cores: target.cores, environment: { OPENSSL_CONF: opensslConfig } },
    (target.seconds + 20) * 1000,
  );
  return parseWrkReport(output, load.responseBytes);
}

const MARKER = "bench-report";

/** Reads the line that the script prints; throws when wrk printed none. */
export function parseWrkReport(output: string, responseBytes: number): LoadResult {
  const line = output.split("\n").find((candidate) => candidate.startsWith(MARKER));
  if (line === undefined) throw new Error(`wrk printed no report: ${output.slice(-200)}`);
  const values = line.slice(MARKER.length).trim().split(" ").map(Number);
  const [requests = 0, durationUs = 0, bytes = 0, p50Us = 0, p99Us = 0, ...errorCounts] = values;
  const errors = ["connect", "read", "write", "status", "timeout"].flatMap((kind, index) =>
    (errorCounts[index] ?? 0) > 0 ? [`${errorCounts[index]} ${kind} errors`] : [],
  );
  if (requests === 0) errors.push("no request was answered");
  else if (bytes / requests < responseBytes) errors.push(`responses of ${Math.round(bytes / requests)} B on average`);
  return { requests, seconds: durationUs / 1e6, p50Ms: p50Us / 1000, p99Ms: p99Us / 1000, errors };
}

function renderScript(load: Load, hosts: readonly string[]): string {
  const body = load.bodyBytes === 0 ? "" : `wrk.method = "POST"\nwrk.body = string.rep("x", ${load.bodyBytes})\n`;
  return `${body}${load.spreadOverHosts ? renderHosts(hosts) : ""}
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("${MARKER} %d %d %d %d %d %d %d %d %d %d", summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
`;
}

/** Requests are made once; a stride that shares no factor with the count visits every host in an order no cache can guess. */
function renderHosts(hosts: readonly string[]): string {
  return `
local hosts = { ${hosts.map((host) => JSON.stringify(host)).join(", ")} }
local requests = {}
local position = 0
function init(args)
  for index, host in ipairs(hosts) do
    requests[index] = wrk.format("GET", nil, { ["Host"] = host })
  end
end
function request()
  position = (position + 1999) % #requests
  return requests[position + 1]
end
`;
}
