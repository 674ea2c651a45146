// All diagnostics of the cluster's source, by what they are about, and whether they have changed since they were told.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import type { Problem } from "../validation/problem-list.ts";
import { objectKey } from "./reflector/api-object.ts";

export class DiagnosticBoard {
  readonly #bySubject = new Map<string, readonly Diagnostic[]>();
  #hasChanged = false;

  /** What is wrong with the subject, now; an empty list: nothing. */
  set(subject: string, diagnostics: readonly Diagnostic[]): void {
    if (diagnostics.length === 0) {
      if (this.#bySubject.delete(subject)) this.#hasChanged = true;
      return;
    }
    this.#bySubject.set(subject, diagnostics);
    this.#hasChanged = true;
  }

  /** Everything, in the order in which the subjects came up; null where nothing has changed since the last call. */
  takeChanged(): readonly Diagnostic[] | null {
    if (!this.#hasChanged) return null;
    this.#hasChanged = false;
    return [...this.#bySubject.values()].flat();
  }
}

/** An object as a subject of its own. */
export function subjectOf(ref: ObjectReference): string {
  return `${ref.kind} ${objectKey(ref)}`;
}

/** The problems of one object, with a note on what became of it. */
export function problemDiagnostics(
  ref: ObjectReference,
  problems: readonly Problem[],
  note: string,
): readonly Diagnostic[] {
  return problems.map(({ severity, reason, path, message, hint }) => ({
    severity,
    reason,
    object: ref,
    field: path.toString(),
    message,
    hint: [hint, severity === "error" ? note : ""].filter((part) => part !== "").join(" "),
    location: null,
  }));
}
