// Runs one command line from beginning to end: flags of V8, parsing, and what the user reads when it fails.
import { CommanderError } from "commander";
import { ListenError } from "../lib/listen-error.ts";
import { SourceError } from "../source/source-error.ts";
import { applyEngineFlags } from "./engine-flags.ts";
import { CommandFailure, EXIT_CODE } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import { createProgram } from "./program.ts";

/** Runs the command and sets the exit code. Never rejects. */
export async function run(args: readonly string[]): Promise<void> {
  applyEngineFlags();
  process.stdout.on("error", onOutputError);
  process.on("uncaughtException", (error) => {
    report(error);
    process.exit(EXIT_CODE.failure);
  });
  try {
    await createProgram().parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Whoever reads our output may stop early (`penstock check … | head`); that is no failure of ours. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit();
}

function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODE.clean : EXIT_CODE.usage;
  const isDebug = (process.env["PENSTOCK_DEBUG"] ?? "") !== "";
  if (isDebug && error instanceof Error) process.stderr.write(`${error.stack ?? error.message}\n`);
  if (error instanceof CommandFailure) {
    for (const line of error.lines) process.stderr.write(`penstock: ${line}\n`);
    return error.exitCode;
  }
  if (error instanceof ListenError || error instanceof SourceError) {
    process.stderr.write(`penstock: ${error.message}\n`);
    return EXIT_CODE.failure;
  }
  const message = error instanceof Error ? error.message : String(error);
  const [firstLine = ""] = message.split("\n", 1);
  process.stderr.write(`penstock: internal error: ${firstLine}; run it again with PENSTOCK_DEBUG=1 and report this\n`);
  return EXIT_CODE.failure;
}
