// Runs one program to its end, bounded in time and output. Knows neither kubectl nor helm.
import { spawn } from "node:child_process";

export interface CommandOptions {
  /** Written to standard input. */
  readonly input?: string;
  /** After this long the program is killed; default 2 minutes. */
  readonly timeoutMs?: number;
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that ended with another code than 0, or did not end in time. The message has what it said. */
export class CommandError extends Error {
  readonly code: number | null;

  constructor(command: string, code: number | null, said: string) {
    super(`${command}: ${code === null ? "ended by a signal or out of time" : `exit code ${code}`}\n${said.trim()}`);
    this.name = "CommandError";
    this.code = code;
  }
}

const DEFAULT_TIMEOUT_MS = 120_000;
const MAX_OUTPUT_LENGTH = 64 * 1024 * 1024;

/** Standard output of the program. Rejects with CommandError, or with ENOENT where there is no such program. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (stdout.length < MAX_OUTPUT_LENGTH) stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < MAX_OUTPUT_LENGTH) stderr += text;
  });
  // A program that reads nothing may be gone before we have written.
  child.stdin.on("error", () => undefined).end(options.input ?? "");
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  if (code === 0) return stdout;
  throw new CommandError([program, ...args].join(" ").slice(0, 300), code, stderr + stdout.slice(-4000));
}

/** Runs a line of shell, as environment variables give it. */
export function runShell(line: string, options: CommandOptions = {}): Promise<string> {
  return runCommand("bash", ["-euo", "pipefail", "-c", line], options);
}
