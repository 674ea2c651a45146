// Makes diagnostics, and puts a list of them in order. Judges nothing by itself.
import type { Diagnostic, OtherObject, Severity } from "../ir/diagnostic.ts";
import type { ObjectReference } from "../ir/names.ts";
import { compareNatural } from "../lib/compare-natural.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import type { Reason } from "./reasons.ts";

/** Where a fault lies. */
export interface Place {
  readonly object: ObjectReference | null;
  /** As in `Diagnostic.field`. */
  readonly field: string;
}

/** What is wrong, before it is known where. */
export interface Problem {
  readonly severity: Severity;
  readonly reason: Reason;
  readonly message: string;
  readonly hint: string;
  /** As in `Diagnostic.other`. */
  readonly other?: OtherObject;
}

/** An object with thousands of faults is told of the first ones; nobody reads the rest. */
const MAX_DIAGNOSTICS_PER_OBJECT = 100;

const TOO_MANY: Reason = "TooManyDiagnostics";

export function problem(severity: Severity, reason: Reason, message: string, hint = ""): Problem {
  return { severity, reason, message, hint };
}

/**
 * Adds the other object that a fault has to do with. `say` makes the message from what that one is called, once with its name, as
 * `described`, and once without.
 */
export function withOther(
  fault: Omit<Problem, "message">,
  reference: ObjectReference,
  described: string,
  say: (other: string) => string,
): Problem {
  const unnamed = `${/^[AEIOU]/.test(reference.kind) ? "an" : "a"} ${reference.kind} of another namespace`;
  return { ...fault, message: say(described), other: { reference, messageWithoutIt: say(unnamed) } };
}

export function diagnose(place: Place, { severity, reason, message, hint, other }: Problem): Diagnostic {
  const diagnostic = { severity, reason, object: place.object, field: place.field, message, hint, location: null };
  return other === undefined ? diagnostic : { ...diagnostic, other };
}

/** Adds all of `more`; `push(...more)` would put each on the stack, and there may be tens of thousands. */
export function appendTo(diagnostics: Diagnostic[], more: readonly Diagnostic[]): void {
  for (const diagnostic of more) diagnostics.push(diagnostic);
}

/** Sorts by object, field and reason, drops repetitions, and cuts what one object has beyond the first hundred. */
export function finishDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const finished: Diagnostic[] = [];
  let previous: Diagnostic | null = null;
  let count = 0;
  for (const current of dropRepetitions(diagnostics.toSorted(compareDiagnostics))) {
    if (previous === null || compareReferences(previous.object, current.object) !== 0) count = 0;
    previous = current;
    if (current.reason !== TOO_MANY) count += 1;
    if (count <= MAX_DIAGNOSTICS_PER_OBJECT) finished.push(current);
    else if (count === MAX_DIAGNOSTICS_PER_OBJECT + 1) finished.push(tooMany(current.object));
  }
  return dropRepetitions(finished.toSorted(compareDiagnostics));
}

function compareReferences(left: ObjectReference | null, right: ObjectReference | null): number {
  if (left === right) return 0;
  if (left === null || right === null) return left === null ? -1 : 1;
  return (
    compareStrings(left.kind, right.kind) ||
    compareStrings(left.namespace, right.namespace) ||
    compareStrings(left.name, right.name)
  );
}

function compareDiagnostics(left: Diagnostic, right: Diagnostic): number {
  return (
    compareReferences(left.object, right.object) ||
    compareNatural(left.field, right.field) ||
    compareStrings(left.reason, right.reason) ||
    compareStrings(left.severity, right.severity) ||
    compareStrings(left.message, right.message) ||
    compareStrings(left.hint, right.hint)
  );
}

/** A list that was cut before, and is finished again with more in it, brings the notice of the first cut along. */
function dropRepetitions(sorted: readonly Diagnostic[]): readonly Diagnostic[] {
  return sorted.filter((current, index) => {
    const before = sorted[index - 1];
    return before === undefined || compareDiagnostics(before, current) !== 0;
  });
}

function tooMany(object: ObjectReference | null): Diagnostic {
  const message = `More than ${MAX_DIAGNOSTICS_PER_OBJECT} faults; the others are not listed.`;
  return diagnose({ object, field: "" }, problem("warning", TOO_MANY, message));
}
