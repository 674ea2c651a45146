// Reason phrases for responses that come without one.
import { STATUS_CODES } from "node:http";

const phrases: string[] = Array.from({ length: 600 }, (_, status) => STATUS_CODES[status] ?? "Unknown");

/** RFC 9110 §15; `Unknown` for codes without a registered phrase. */
export function statusText(status: number): string {
  return phrases[status] ?? "Unknown";
}
