// How the program ends: the exit codes, and the failures that a user reads as one line without a stack trace.

/** Part of the contract with scripts. */
export const EXIT_CODE = {
  /** Done, or stopped cleanly. */
  clean: 0,
  /** It failed; `check`: errors were found. */
  failure: 1,
  /** Wrong flags, environment or configuration file; nothing was started. */
  usage: 2,
} as const;

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** Ends the command; `lines` are what the user reads. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  readonly lines: readonly string[];

  constructor(exitCode: ExitCode, lines: readonly string[]) {
    super(lines.join("; "));
    this.name = "CommandFailure";
    this.exitCode = exitCode;
    this.lines = lines;
  }
}

/** What was written cannot be meant: wrong flags, environment or configuration file. */
export function usageFailure(...lines: readonly string[]): CommandFailure {
  return new CommandFailure(EXIT_CODE.usage, lines);
}
