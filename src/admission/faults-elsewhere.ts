// Which faults of an object lie in another object, that may come or be mended after this one.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { Reason } from "../translate/reasons.ts";

/**
 * Objects may be applied in any order, and some need the Ingress to come first: cert-manager makes a Secret for an Ingress that
 * names it. So what is missing or wrong elsewhere is told and never refused.
 */
const ELSEWHERE: ReadonlySet<string> = new Set<Reason>([
  "ServiceNotFound",
  "ServicePortNotFound",
  "ServicePortNotTcp",
  "ExternalNameInvalid",
  "SecretNotFound",
  "SecretInvalid",
]);

/**
 * The store holds a Secret only once something refers to it, so that one that the object is the first to name looks missing
 * even where it exists. A wrong alarm is worse than none; an Event will tell.
 */
const UNKNOWABLE: ReadonlySet<string> = new Set<Reason>(["SecretNotFound"]);

export function liesElsewhere({ reason }: Diagnostic): boolean {
  return ELSEWHERE.has(reason);
}

export function isKnowable({ reason }: Diagnostic): boolean {
  return !UNKNOWABLE.has(reason);
}
