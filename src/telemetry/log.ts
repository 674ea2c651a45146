// The operational log: JSON lines on standard error, because standard output carries the access log.
import { pino, stdTimeFunctions } from "pino";
import type { DestinationStream, Logger as PinoLogger } from "pino";

export type Logger = PinoLogger;
type LogLevel = "error" | "warn" | "info" | "debug";

export interface LogOptions {
  readonly level: LogLevel;
  /** Replaces standard error, for tests. */
  readonly destination?: DestinationStream;
}

const STANDARD_ERROR = 2;
/** What may wait for a reader that stalls; then lines are lost, and the process goes on. */
const MAX_QUEUED_BYTES = 1_024 * 1_024;

export function createLogger(options: LogOptions): Logger {
  const destination =
    options.destination ?? pino.destination({ dest: STANDARD_ERROR, sync: false, maxLength: MAX_QUEUED_BYTES });
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      errorKey: "error",
      messageKey: "message",
    },
    destination,
  );
}
