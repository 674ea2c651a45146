// What the API server, and so the user, is told of a review: an AdmissionReview of admission.k8s.io/v1, with bounded texts.
import { tellWithin } from "../ir/diagnostic.ts";
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { ObjectReference } from "../ir/names.ts";
import { formatName } from "../ir/names.ts";
import { printable } from "../lib/untrusted-text.ts";
import type { Verdict } from "./judge-review.ts";

/** The part of an AdmissionReview that we write. */
export interface ReviewAnswer {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
}

/** Longer ones are cut by the API server, and so are those past 4,096 characters in all. */
const MAX_WARNING_LENGTH = 256;
const MAX_WARNINGS = 12;

/** Enough to begin with; the others show when these are mended. */
const MAX_ERRORS = 10;
const MAX_ERROR_LENGTH = 500;

const UNPROCESSABLE = 422;

export function answerVerdict(uid: string, verdict: Verdict): ReviewAnswer {
  const { object } = verdict;
  // Whoever may write here need not be allowed to know what there is in other namespaces, nor what it says.
  const tell = (diagnostic: Diagnostic): Diagnostic => tellWithin(object?.namespace ?? "", diagnostic);
  const errors = verdict.errors.map(tell);
  const told = formatWarnings(object, verdict.warnings.map(tell));
  const withWarnings = told.length === 0 ? {} : { warnings: told };
  if (errors.length === 0) return { uid, allowed: true, ...withWarnings };
  const message = formatErrors(object, errors);
  return { uid, allowed: false, status: { code: UNPROCESSABLE, reason: "Invalid", message }, ...withWarnings };
}

/** Lets an object pass that nobody has looked at: what is wrong with it will stand in its Events. */
export function answerUnchecked(uid: string, why: string): ReviewAnswer {
  return { uid, allowed: true, warnings: [`this object was not checked: ${why}`] };
}

/** The bytes of the answer's body. */
export function encodeAnswer(response: ReviewAnswer): Buffer {
  return Buffer.from(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response }));
}

function formatErrors(object: ObjectReference | null, errors: readonly Diagnostic[]): string {
  const lines = errors.slice(0, MAX_ERRORS).map((error) => cut(describe(error), MAX_ERROR_LENGTH));
  if (errors.length > MAX_ERRORS) lines.push(`and ${errors.length - MAX_ERRORS} more errors`);
  const what = object === null ? "the object" : `${object.kind} ${formatName(object)}`;
  return `${what} would not be served as written: ${lines.join("; ")}`;
}

function formatWarnings(subject: ObjectReference | null, warnings: readonly Diagnostic[]): readonly string[] {
  const lines = warnings.slice(0, MAX_WARNINGS).map((warning) => formatWarning(subject, warning));
  if (warnings.length > MAX_WARNINGS) lines.push(`and ${warnings.length - MAX_WARNINGS} more warnings`);
  return lines;
}

/** The hint goes first where there is no room for both. */
function formatWarning(subject: ObjectReference | null, warning: Diagnostic): string {
  const { object } = warning;
  const isOther =
    object !== null && (subject === null || formatName(object) !== formatName(subject) || object.kind !== subject.kind);
  if (isOther && subject !== null && object.namespace !== subject.namespace) {
    return `another ${object.kind} would be affected, in a namespace that is not named here: ${printable(warning.reason)}`;
  }
  const where = isOther ? `${object.kind} ${formatName(object)}: ` : "";
  const whole = where + describe(warning);
  return whole.length <= MAX_WARNING_LENGTH
    ? whole
    : cut(where + describe({ ...warning, hint: "" }), MAX_WARNING_LENGTH);
}

function describe({ field, message, hint }: Pick<Diagnostic, "field" | "message" | "hint">): string {
  const text = printable(field === "" ? message : `${field}: ${message}`);
  return hint === "" ? text : `${text}${/[.!?]$/.test(text) ? "" : "."} ${printable(hint)}`;
}

function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // A pair of surrogates that is cut in two would be no text any more.
  return `${text.slice(0, maxLength - 1).toWellFormed()}…`;
}
