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

/** Another object that a message names. */
export interface OtherObject {
  readonly reference: ObjectReference;
  /** The message for whoever may not know of it: without its name, and without anything that it says. */
  readonly messageWithoutIt: string;
}

export interface Diagnostic {
  readonly severity: Severity;
  /** A stable PascalCase reason, for example `ServiceNotFound`; the reason of a Kubernetes Event. */
  readonly reason: string;
  /** The object at fault; null when bytes could not be read as an object at all. */
  readonly object: ObjectReference | null;
  /** The field's path in the API's own notation, for example `spec.rules[0].http.paths[1].backend`; `""` for the whole object. */
  readonly field: string;
  /** What is wrong, one sentence; for the operator, who may know everything. See `tellWithin`. */
  readonly message: string;
  /** Set where the message names an object that may be of another namespace than the one at fault. */
  readonly other?: OtherObject;
  /** What to write instead, one sentence; `""` where the message says it. */
  readonly hint: string;
  /** Set by the source of files. */
  readonly location: SourceLocation | null;
}

/** What may be told to whoever may read that namespace and no other one: in Events, and in answers to reviews. */
export function tellWithin(namespace: string, diagnostic: Diagnostic): Diagnostic {
  const { other, ...told } = diagnostic;
  if (other === undefined || other.reference.namespace === namespace) return diagnostic;
  return { ...told, message: other.messageWithoutIt };
}
