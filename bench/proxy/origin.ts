// Builds and runs the origin (origin.c), and reads its counters.
import type { ChildProcess } from "node:child_process";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { startPinned } from "./child-processes.ts";
import { findFreePorts } from "./free-ports.ts";
import { fetchText } from "./probe.ts";

export interface Origin {
  readonly child: ChildProcess;
  readonly port: number;
}

export interface OriginCounters {
  readonly connections: number;
  readonly requests: number;
}

/** Compiles origin.c into `directory` and starts it; throws when there is no C compiler. */
export async function startOrigin(directory: string, cores: string): Promise<Origin> {
  const program = join(directory, "origin");
  const source = join(import.meta.dirname, "origin.c");
  execFileSync(process.env["CC"] ?? "cc", ["-O2", "-Wall", "-o", program, source], { stdio: "pipe" });
  const [port = 0] = await findFreePorts(1);
  const child = startPinned(program, [String(port)], { cores, stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout === null) throw new Error("the origin has no standard output");
  const ended = once(child, "exit").then(() => Promise.reject(new Error("the origin ended at start")));
  await Promise.race([once(child.stdout, "data"), ended]);
  ended.catch(() => {});
  return { child, port };
}

export async function readOriginCounters(origin: Origin): Promise<OriginCounters> {
  const { body } = await fetchText({ tls: false, port: origin.port, path: "/stats" });
  return JSON.parse(body) as OriginCounters;
}
