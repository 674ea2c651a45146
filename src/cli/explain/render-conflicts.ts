// What translation took out before any request could come: rules that another object, or another rule, had first.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { formatName } from "../../ir/names.ts";
import { quoteText } from "../../lib/untrusted-text.ts";

const CONFLICTS: ReadonlySet<string> = new Set(["PathConflict", "DefaultBackendConflict", "DefaultBackendShadowed"]);

/** The rules of a virtual host that lost a conflict, in the columns of the explanation. */
export function renderConflicts(diagnostics: readonly Diagnostic[], host: string): string {
  const named = `host ${quoteText(host)}`;
  return diagnostics
    .filter(({ reason, message }) => CONFLICTS.has(reason) && (message.includes(named) || !message.includes("host ")))
    .map(({ object, field, message }) => {
      const where = object === null ? "" : `${object.kind} ${formatName(object)}, `;
      return `${"Never asked".padEnd(13)}${where}${field}: ${message}\n`;
    })
    .join("");
}
