// What has to stand before the first sample: tools, origin, certificate, a place on tmpfs, and the harness off the proxy's core.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killChildrenOnExit } from "./child-processes.ts";
import { UsageError } from "./options.ts";
import { startOrigin } from "./origin.ts";
import { findProgram } from "./peers/peer.ts";
import type { Peer } from "./peers/peer.ts";
import type { Bench, Contestant } from "./proxy-process.ts";
import { createCertificate } from "./site.ts";

export interface BenchSettings {
  readonly proxyCore: number;
  readonly loadCores: string;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Starts the origin; the caller stops it. What is written and started goes away with this process. */
export async function prepareBench(settings: BenchSettings): Promise<Bench> {
  const wrk = requireTool("WRK_BIN", "wrk", "install the wrk package");
  const h2load = requireTool("H2LOAD_BIN", "h2load", "install the nghttp2-client package");
  killChildrenOnExit();
  execFileSync("taskset", ["-a", "-c", "-p", settings.loadCores, String(process.pid)], { stdio: "ignore" });
  const directory = createWorkDirectory();
  const { proxyCore, loadCores, warmUpSeconds, seconds } = settings;
  const origin = await startOrigin(directory, loadCores);
  const certificate = createCertificate(directory);
  return { directory, origin, certificate, wrk, h2load, proxyCore, loadCores, warmUpSeconds, seconds };
}

/** On tmpfs where there is one: logs and temporary files of the proxies must not wait for a disk. */
function createWorkDirectory(): string {
  const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "penstock-bench-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function requireTool(variable: string, name: string, hint: string): string {
  const path = findProgram(variable, name);
  if (path === null) throw new UsageError(`${name} is missing: ${hint} or set ${variable}`);
  return path;
}

/** Those of the peers that are on this machine; the others are named on standard error. */
export function findContestants(peers: readonly Peer[]): readonly Contestant[] {
  return peers.flatMap((peer) => {
    let reason = peer.installHint;
    try {
      const binary = peer.find();
      if (binary !== null) return [{ peer, binary }];
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    process.stderr.write(`without ${peer.name}: ${reason}\n`);
    return [];
  });
}
