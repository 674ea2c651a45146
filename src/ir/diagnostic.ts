// What is wrong with an object, where, and what to write instead. Every user mistake becomes one of these.
import type { ObjectReference } from "./names.ts";

/** `error`: a part of the object is not served. `warning`: served, but not as written. `info`: passed over on purpose. */
export type Severity = "error" | "warning" | "info";

/** Where an object was read from; lines and documents count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly document: number;
  readonly line: number;
}

export interface Diagnostic {
  readonly severity: Severity;
  /** A stable PascalCase reason, for example `ServiceNotFound`; the reason of a Kubernetes Event. */
  readonly reason: string;
  /** The object at fault; null when bytes could not be read as an object at all. */
  readonly object: ObjectReference | null;
  /** The field's path in the API's own notation, for example `spec.rules[0].http.paths[1].backend`; `""` for the whole object. */
  readonly field: string;
  /** What is wrong, one sentence. */
  readonly message: string;
  /** What to write instead, one sentence; `""` where the message says it. */
  readonly hint: string;
  /** Set by the source of files. */
  readonly location: SourceLocation | null;
}
