// Starts programs pinned to cores, and ends exactly those again, whatever happens to the harness.
import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";

const running = new Set<ChildProcess>();

/** Anything a program may be started with, besides its own command line. */
export interface StartOptions {
  /** As `taskset -c` reads it: `0`, `1,2`, `4-7`. */
  readonly cores: string;
  readonly stdio: StdioOptions;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts `file` on the given cores; `taskset` replaces itself, so the child's pid is the program's own. */
export function startPinned(file: string, args: readonly string[], options: StartOptions): ChildProcess {
  const child = spawn("taskset", ["-c", options.cores, file, ...args], {
    stdio: options.stdio,
    env: { ...process.env, ...options.environment },
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Asks the process to stop and waits; after `graceMs` it is killed. */
export async function stopProcess(child: ChildProcess, graceMs = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await exit;
  clearTimeout(timer);
}

/** Runs a program to its end and returns what it printed; throws with its last words when it fails or takes too long. */
export async function runPinned(
  file: string,
  args: readonly string[],
  options: Omit<StartOptions, "stdio">,
  timeoutMs: number,
): Promise<string> {
  const child = startPinned(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const output: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => output.push(chunk));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  const text = Buffer.concat(output).toString("utf8");
  if (code !== 0) throw new Error(`${file} ended with ${signal ?? code}: ${lastLines(text)}`);
  return text;
}

export function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-3).join(" | ");
}

/** An interrupted benchmark leaves no proxy behind. */
export function killChildrenOnExit(): void {
  process.once("exit", () => {
    for (const child of running) child.kill("SIGKILL");
  });
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}
