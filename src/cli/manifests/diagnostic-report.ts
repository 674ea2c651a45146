// Diagnostics as `penstock check` prints them: sorted, one line each for people, or one JSON document for programs.
import type { Diagnostic, Severity } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import { formatName } from "../../ir/names.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { printable } from "../../lib/untrusted-text.ts";

export type SeverityCounts = Readonly<Record<Severity, number>>;

export function countSeverities(diagnostics: readonly Diagnostic[]): SeverityCounts {
  const counts: Record<Severity, number> = { error: 0, warning: 0, info: 0 };
  for (const { severity } of diagnostics) counts[severity] += 1;
  return counts;
}

/** Sorted by file, line, object and field; repetitions are left out. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const byLine = new Map(diagnostics.map((diagnostic) => [formatDiagnostic(diagnostic), diagnostic]));
  // `rules[2]` before `rules[10]`. Made here, since it takes longer to make than most commands to run.
  const fieldOrder = new Intl.Collator("en", { numeric: true });
  return [...byLine.values()].toSorted(
    (left, right) =>
      compareStrings(left.location?.file ?? "", right.location?.file ?? "") ||
      (left.location?.line ?? 0) - (right.location?.line ?? 0) ||
      compareStrings(describeObject(left.object), describeObject(right.object)) ||
      fieldOrder.compare(left.field, right.field) ||
      compareStrings(left.message, right.message),
  );
}

function describeObject(object: ObjectReference | null): string {
  return object === null ? "" : `${object.kind} ${formatName(object)}`;
}

/** `web.yaml:12: error: Ingress shop/web spec.rules[0].host: what is wrong. What to write.` */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { location, severity, object, field, message, hint } = diagnostic;
  const place = location === null ? "" : `${location.file}:${location.line}: `;
  const subject = [describeObject(object), field].filter((part) => part !== "").join(" ");
  const sentences = [message, hint].filter((sentence) => sentence !== "").map(withoutFullStop);
  return printable(`${place}${severity}: ${subject === "" ? "" : `${subject}: `}${sentences.join(". ")}`);
}

function withoutFullStop(sentence: string): string {
  return sentence.endsWith(".") ? sentence.slice(0, -1) : sentence;
}

/** `2 errors, 1 warning`; `no errors` where there are none. */
export function formatCounts(counts: SeverityCounts): string {
  const parts = [counts.error === 0 ? "no errors" : plural(counts.error, "error")];
  if (counts.warning > 0) parts.push(plural(counts.warning, "warning"));
  if (counts.info > 0) parts.push(plural(counts.info, "notice"));
  return parts.join(", ");
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * The document that `--format json` prints. Its keys are a contract: new ones may be added, none is renamed or removed.
 */
export interface DiagnosticDocument {
  readonly summary: { readonly errors: number; readonly warnings: number; readonly infos: number };
  readonly diagnostics: readonly {
    readonly severity: Severity;
    readonly reason: string;
    readonly object: { readonly kind: string; readonly namespace: string; readonly name: string } | null;
    readonly field: string;
    readonly message: string;
    readonly hint: string;
    readonly location: { readonly file: string; readonly document: number; readonly line: number } | null;
  }[];
}

export function toDocument(diagnostics: readonly Diagnostic[]): DiagnosticDocument {
  const { error, warning, info } = countSeverities(diagnostics);
  return {
    summary: { errors: error, warnings: warning, infos: info },
    diagnostics: diagnostics.map(({ severity, reason, object, field, message, hint, location }) => ({
      severity,
      reason,
      object: object === null ? null : { kind: object.kind, namespace: object.namespace, name: object.name },
      field,
      message,
      hint,
      location: location === null ? null : { file: location.file, document: location.document, line: location.line },
    })),
  };
}
