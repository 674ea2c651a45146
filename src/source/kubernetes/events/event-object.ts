// Builds the Events that are sent, from a diagnostic and the circumstances. Pure.
import { formatMicroTime } from "../micro-time.ts";
import type { ObjectDiagnostic } from "./diagnostic-list.ts";
import type { EventObject } from "./event-request.ts";
import { eventNameOf, noteOf, resolvedNoteOf, wordOf } from "./event-text.ts";
import type { StoredIdentity } from "./stored-identity.ts";

/** Who says it. */
export interface EventAuthor {
  /** The controller's name, for example `penstock.dev/ingress-controller`. */
  readonly controller: string;
  /** The pod's name. */
  readonly instance: string;
}

export interface EventCircumstances {
  /** Null where the object is not known: the Event then names it without saying which one of that name it was. */
  readonly identity: StoredIdentity | null;
  readonly author: EventAuthor;
  /** Since the epoch. */
  readonly wallMs: number;
}

/** Where Events about cluster-scoped objects are kept. */
const CLUSTER_NAMESPACE = "default";

/** What was done when the diagnostic turned up; the API wants a word. */
const ACTION = "Reconcile";

export function warningEvent(diagnostic: ObjectDiagnostic, circumstances: EventCircumstances): EventObject {
  const { reason } = diagnostic;
  return build(diagnostic, circumstances, { type: "Warning", reason: wordOf(reason), note: noteOf(diagnostic) });
}

export function resolvedEvent(diagnostic: ObjectDiagnostic, circumstances: EventCircumstances): EventObject {
  return build(diagnostic, circumstances, { type: "Normal", reason: "Resolved", note: resolvedNoteOf(diagnostic) });
}

function build(
  diagnostic: ObjectDiagnostic,
  { identity, author, wallMs }: EventCircumstances,
  words: Pick<EventObject, "type" | "reason" | "note">,
): EventObject {
  const { kind, namespace, name } = diagnostic.object;
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: {
      name: eventNameOf(diagnostic, identity?.uid ?? "", words.type),
      namespace: namespace === "" ? CLUSTER_NAMESPACE : namespace,
    },
    eventTime: formatMicroTime(wallMs),
    regarding: { kind, name, ...(namespace !== "" && { namespace }), ...identity },
    ...words,
    action: ACTION,
    reportingController: author.controller,
    reportingInstance: wordOf(author.instance),
  };
}
