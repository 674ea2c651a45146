// Starts one proxy for one site, alone on its core, and sends load to it.
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lastLines, startPinned, stopProcess } from "./child-processes.ts";
import { findFreePorts } from "./free-ports.ts";
import { runH2load } from "./load/h2load.ts";
import type { LoadResult, LoadTarget } from "./load/result.ts";
import { runWrk } from "./load/wrk.ts";
import type { Origin } from "./origin.ts";
import type { Peer, PeerBinary } from "./peers/peer.ts";
import { waitUntilServing } from "./probe.ts";
import type { ProbeTarget } from "./probe.ts";
import type { Load, Scenario } from "./scenarios.ts";
import { siteHosts } from "./site.ts";
import type { Site, SiteCertificate } from "./site.ts";

/** What all samples of a run share. */
export interface Bench {
  /** On tmpfs. */
  readonly directory: string;
  readonly origin: Origin;
  readonly certificate: SiteCertificate;
  readonly wrk: string;
  readonly h2load: string;
  readonly proxyCore: number;
  readonly loadCores: string;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface Contestant {
  readonly peer: Peer;
  readonly binary: PeerBinary;
}

const START_LIMIT_MS = 60_000;

export async function createSite(bench: Bench, scenario: Scenario, directory: string): Promise<Site> {
  const [httpPort = 0, httpsPort = 0, adminPort = 0] = await findFreePorts(3);
  return {
    directory,
    httpPort,
    httpsPort,
    adminPort,
    originPort: bench.origin.port,
    hosts: siteHosts(scenario.hosts),
    certificate: bench.certificate,
    accessLogFile: join(directory, "access.log"),
  };
}

/** Starts the proxy alone on its core and waits until it serves; throws with the proxy's own last words. */
export async function startProxy(bench: Bench, contestant: Contestant, site: Site, load: Load): Promise<ChildProcess> {
  const command = contestant.peer.configure(contestant.binary, site);
  const ownLogFile = join(site.directory, "proxy.log");
  const ownLog = openSync(ownLogFile, "a");
  const standardOutput = command.standardOutput === "own-log" ? ownLog : openSync(site.accessLogFile, "a");
  const stdio: ["ignore", number, number] = ["ignore", standardOutput, ownLog];
  const proxy = startPinned(command.file, command.args, { cores: String(bench.proxyCore), stdio });
  if (standardOutput !== ownLog) closeSync(standardOutput);
  closeSync(ownLog);
  try {
    await waitUntilServing(proxy, probeTarget(load, site), START_LIMIT_MS);
  } catch (error) {
    await stopProcess(proxy);
    const words = ["proxy.log", "error.log"]
      .map((name) => join(site.directory, name))
      .filter((path) => existsSync(path))
      .map((path) => lastLines(readFileSync(path, "utf8")));
    throw new Error(`${error instanceof Error ? error.message : String(error)}; ${words.join(" ")}`, { cause: error });
  }
  return proxy;
}

export function runLoad(bench: Bench, load: Load, site: Site, seconds: number): Promise<LoadResult> {
  const target: LoadTarget = {
    port: load.tls ? site.httpsPort : site.httpPort,
    hosts: site.hosts,
    seconds,
    cores: bench.loadCores,
    directory: site.directory,
  };
  return load.tool === "wrk" ? runWrk(bench.wrk, load, target) : runH2load(bench.h2load, load, target);
}

export function probeTarget(load: Load, site: Site): ProbeTarget {
  return { tls: load.tls, port: load.tls ? site.httpsPort : site.httpPort, path: "/echo" };
}
