// The operational log for a person at a terminal: the same lines as everywhere else, made readable. Programs get JSON.
import { printable } from "../../lib/untrusted-text.ts";

const LEVEL_WIDTH = 5;
/** What every line has; the rest are fields. */
const COMMON_KEYS: ReadonlySet<string> = new Set(["level", "time", "message"]);

/** One JSON line of the log as `14:03:12 warn  the message (key=value)`; anything else as it is. */
export function formatLogLine(line: string): string {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof record !== "object" || record === null) return line;
  const { level = "", time = "", message = "" } = record as Readonly<Record<string, unknown>>;
  const fields = Object.entries(record)
    .filter(([key]) => !COMMON_KEYS.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const suffix = fields.length === 0 ? "" : ` (${fields.join(", ")})`;
  const clock = String(time).slice(11, 19);
  return `${clock} ${String(level).padEnd(LEVEL_WIDTH)} ${printable(`${String(message)}${suffix}`)}\n`;
}

/** A destination for the logger that writes readable lines to standard error. */
export const terminalDestination: { write(line: string): void } = {
  write: (line) => void process.stderr.write(formatLogLine(line)),
};
