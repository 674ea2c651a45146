// The controller under test: a process of its own, as built, against the cluster of the kubeconfig.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { ENGINE_FLAGS } from "../../src/cli/engine-flags.ts";
import { findFreePorts } from "../proxy/free-ports.ts";
import { CLASS_NAME, CONTROLLER_NAME } from "./world.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export interface Controller {
  readonly port: number;
  readonly adminPort: number;
  /** Resident memory, MiB. */
  residentMib(): number;
  /** The most that was ever resident, MiB. */
  peakResidentMib(): number;
  /** Of the whole process since its start, in seconds. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/** @returns the controller and how many milliseconds it took from its start until it was ready. */
export async function startController(
  kubeconfig: string,
  workers: number,
): Promise<{ readonly controller: Controller; readonly readyMs: number }> {
  const [port = 0, adminPort = 0] = await findFreePorts(2);
  const settings = {
    kubeconfig,
    "ingress-class": CLASS_NAME,
    "controller-name": CONTROLLER_NAME,
    http: `127.0.0.1:${port}`,
    https: "off",
    admin: `127.0.0.1:${adminPort}`,
    workers: String(workers),
    "drain-delay": "0s",
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
  // The container image gives them to node, too.
  const args = [...ENGINE_FLAGS, MAIN, "controller", ...flags, "--no-leader-elect", "--no-events"];
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  await waitUntilReady(child, adminPort);
  const readyMs = performance.now() - startedAt;
  return { controller: controllerOf(child, port, adminPort), readyMs };
}

function controllerOf(child: ChildProcess, port: number, adminPort: number): Controller {
  const { pid } = child;
  return {
    port,
    adminPort,
    residentMib: () => readMib(pid, "VmRSS"),
    peakResidentMib: () => readMib(pid, "VmHWM"),
    cpuSeconds: () => {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      // utime and stime, proc(5); Linux counts 100 ticks a second.
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** @param field of proc(5)'s status, in kB. */
function readMib(pid: number | undefined, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1_024;
}

async function waitUntilReady(child: ChildProcess, adminPort: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the controller ended with ${child.exitCode}`);
    try {
      const answer = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
      await answer.arrayBuffer();
      if (answer.status === 200) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
