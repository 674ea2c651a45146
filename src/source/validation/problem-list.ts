// What is wrong with one object, in the words of the Kubernetes API server, and never more of it than a person can read.
import type { Severity } from "../../ir/diagnostic.ts";
import { printable, quoteText } from "../../lib/untrusted-text.ts";
import type { FieldPath } from "./field-path.ts";
import { FieldPath as Path } from "./field-path.ts";

/** One mistake in an object, before it is known where the object was read from. */
export interface Problem {
  readonly severity: Severity;
  /** Stable, PascalCase; see the constructors of ProblemList. */
  readonly reason: string;
  readonly path: FieldPath;
  readonly message: string;
  /** What to write instead; `""` where the message says it. */
  readonly hint: string;
}

type ProblemText = Pick<Problem, "message" | "hint">;

/** More problems than this are counted, not kept: an object with thousands of mistakes has one, made thousands of times. */
export const MAX_PROBLEMS_PER_OBJECT = 20;

/** Longer values that are no strings are cut where they are shown. */
const MAX_SHOWN_VALUE = 120;

/** Collects the problems of one object. Never shows a value unless it is handed one: those of a Secret never are. */
export class ProblemList {
  readonly #problems: Problem[] = [];
  #dropped = 0;
  #errors = 0;

  /** True where at least one problem is an error: the API server would refuse the object. */
  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  add(problem: Problem): void {
    this.#report(problem.severity, problem.reason, problem.path, () => problem);
  }

  /** A required field that is missing or empty. */
  required(path: FieldPath, detail = "", hint = ""): void {
    this.#error("RequiredValue", path, () => ({ message: withDetail("Required value", detail), hint }));
  }

  /** A value that breaks a rule; `detail` says which. */
  invalid(path: FieldPath, value: unknown, problem: { readonly detail: string; readonly hint?: string }): void {
    this.#error("InvalidValue", path, () => ({
      message: withDetail(`Invalid value: ${showValue(value)}`, problem.detail),
      hint: problem.hint ?? "",
    }));
  }

  /** One `invalid` per broken rule. */
  invalidEach(path: FieldPath, value: unknown, details: readonly string[], hint = ""): void {
    for (const detail of details) this.invalid(path, value, { detail, hint });
  }

  /** A value outside of a fixed choice. */
  notSupported(path: FieldPath, value: string, supported: readonly string[]): void {
    this.#error("UnsupportedValue", path, () => {
      const choices = supported.map((choice) => JSON.stringify(choice)).join(", ");
      return { message: `Unsupported value: ${showValue(value)}: supported values: ${choices}`, hint: "" };
    });
  }

  /** A value that may stand there only once. */
  duplicate(path: FieldPath, value: unknown): void {
    this.#error("DuplicateValue", path, () => ({ message: `Duplicate value: ${showValue(value)}`, hint: "" }));
  }

  /** A field that may not be set here. */
  forbidden(path: FieldPath, detail: string): void {
    this.#error("ForbiddenValue", path, () => ({ message: withDetail("Forbidden", detail), hint: "" }));
  }

  /** More bytes than allowed; the value is not shown. */
  tooLong(path: FieldPath, maxBytes: number): void {
    this.#error("TooLong", path, () => ({ message: `Too long: must have at most ${maxBytes} bytes`, hint: "" }));
  }

  /** More elements than allowed. */
  tooMany(path: FieldPath, count: number, max: number): void {
    this.#error("TooMany", path, () => ({ message: `Too many: ${count}: must have at most ${max} items`, hint: "" }));
  }

  /** A value that cannot be taken for what the field holds; the value is not shown. */
  wrongType(path: FieldPath, message: string, hint = ""): void {
    this.#error("InvalidType", path, () => ({ message, hint }));
  }

  /** A field that the API does not know: it is dropped, so this is a warning. */
  unknownField(path: FieldPath, makeHint: () => string): void {
    this.#report("warning", "UnknownField", path, () => ({
      message: `unknown field "${path.toString()}"`,
      hint: makeHint(),
    }));
  }

  /** All problems in the order they were found; the last one counts those that were not kept. */
  toArray(): readonly Problem[] {
    if (this.#dropped === 0) return this.#problems;
    const message = `${this.#dropped} more problems of this object are not shown`;
    const severity = this.hasErrors ? "error" : "warning";
    return [...this.#problems, { severity, reason: "TooManyProblems", path: Path.root, message, hint: "" }];
  }

  #error(reason: string, path: FieldPath, makeText: () => ProblemText): void {
    this.#report("error", reason, path, makeText);
  }

  /** The text is made only where it is kept: an object with a million mistakes must not cost a million sentences. */
  #report(severity: Severity, reason: string, path: FieldPath, makeText: () => ProblemText): void {
    if (severity === "error") this.#errors += 1;
    if (this.#problems.length >= MAX_PROBLEMS_PER_OBJECT) {
      this.#dropped += 1;
      return;
    }
    const { message, hint } = makeText();
    this.#problems.push({ severity, reason, path, message, hint });
  }
}

function withDetail(text: string, detail: string): string {
  return detail === "" ? text : `${text}: ${detail}`;
}

/** A value as the API server prints it, cut to a readable length. */
function showValue(value: unknown): string {
  if (typeof value === "string") return quoteText(value);
  return printable(JSON.stringify(value) ?? "null", MAX_SHOWN_VALUE);
}
