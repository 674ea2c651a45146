// The words and the name of an Event. Pure.
import { createHash } from "node:crypto";
import type { Diagnostic } from "../../../ir/diagnostic.ts";
import { printable } from "../../../lib/untrusted-text.ts";
import type { ObjectDiagnostic } from "./diagnostic-list.ts";

/** Of `note` in events.k8s.io/v1, in bytes of UTF-8. */
const MAX_NOTE_BYTES = 1024;
/** Of `reason`, `action` and `reportingInstance`. */
const MAX_WORD = 128;
/** An Event's name is the object's, cut to this, and a hash. */
const MAX_NAME_PREFIX = 200;
const ELLIPSIS = "…";

/** Where, what, and what to write instead. */
export function noteOf({ field, message, hint }: Diagnostic): string {
  const where = field === "" ? "" : `${field}: `;
  const sentence = hint === "" || /[.!?]$/.test(message) ? message : `${message}.`;
  return cutToBytes(printable(`${where}${sentence}${hint === "" ? "" : ` ${hint}`}`, MAX_NOTE_BYTES), MAX_NOTE_BYTES);
}

export function resolvedNoteOf({ reason, field, message }: Diagnostic): string {
  const where = field === "" ? "" : `${field}: `;
  return cutToBytes(printable(`no longer ${reason}: ${where}${message}`, MAX_NOTE_BYTES), MAX_NOTE_BYTES);
}

/** A word of the API's, cut to what it takes. */
export function wordOf(text: string): string {
  return cutToBytes(text, MAX_WORD);
}

/**
 * The same for the same thing said about the same object, whichever replica says it: creating it again then meets the
 * Event that is there.
 */
export function eventNameOf(diagnostic: ObjectDiagnostic, uid: string, type: "Normal" | "Warning"): string {
  const { object, reason, field, message } = diagnostic;
  const hash = createHash("sha256").update(JSON.stringify([type, object.kind, uid, reason, field, message]));
  const prefix = object.name.slice(0, MAX_NAME_PREFIX).replace(/[^a-z0-9]+$/, "");
  return `${prefix}.${hash.digest("hex").slice(0, 16)}`;
}

/** Never cuts a character in two. */
function cutToBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text.toWellFormed();
  const room = limit - Buffer.byteLength(ELLIPSIS);
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(room));
  return `${text.slice(0, read).toWellFormed()}${ELLIPSIS}`;
}
