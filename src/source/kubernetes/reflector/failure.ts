// What went wrong with one attempt to list or to watch, and what has to follow from it. Pure.
import { ApiUnreachable } from "../client/api-client.ts";
import { ConnectionImpossible } from "../client/connection-failure.ts";
import type { Refusal } from "../client/refusal.ts";
import { BrokenEvent } from "./watch-event.ts";

export type FailureType =
  /** No answer. */
  | "unreachable"
  /** An open watch broke. What was missed comes when it is taken up again. */
  | "cut"
  /** Unreachable until somebody changes the configuration. */
  | "impossible"
  /** The server said no; `refusal` says how. */
  | "refused"
  /** The stream held something that is no event: only a new list tells what was missed. */
  | "broken"
  /** Nothing came for so long that the connection must be dead. */
  | "silent"
  /** The watch ended as soon as it began. */
  | "short"
  /** Our own mistake while taking in what came. */
  | "internal";

export interface Failure {
  readonly type: FailureType;
  readonly verb: "list" | "watch";
  /** One line. */
  readonly message: string;
  readonly refusal: Refusal | null;
}

export function failureOf(error: unknown, verb: Failure["verb"]): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return { type: typeOf(error), verb, message, refusal: null };
}

export function refusedFailure(refusal: Refusal, verb: Failure["verb"]): Failure {
  return { type: "refused", verb, message: refusal.message, refusal };
}

function typeOf(error: unknown): FailureType {
  if (error instanceof ConnectionImpossible) return "impossible";
  if (error instanceof ApiUnreachable) return "unreachable";
  return error instanceof BrokenEvent ? "broken" : "internal";
}

/** Why the resource is not to be had until somebody grants or installs it; null where it is not so. */
export function unavailabilityOf({ refusal }: Failure): "forbidden" | "not-installed" | null {
  if (refusal?.kind === "forbidden") return "forbidden";
  return refusal?.kind === "not-found" ? "not-installed" : null;
}

/** True where a watch cannot be taken up where it ended. */
export function needsNewList(failure: Failure): boolean {
  if (failure.type === "broken" || failure.type === "internal") return true;
  if (failure.refusal === null) return false;
  // A server that is overloaded or starting has not forgotten anything.
  return failure.refusal.status !== 429 && failure.refusal.status !== 503 && failure.refusal.kind !== "unauthorized";
}
