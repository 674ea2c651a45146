// Whether a request may be sent again without the client having asked for it, and how often.
import type { RequestHead } from "../http/messages.ts";
import type { Peer } from "../upstream/peer.ts";
import type { RetryClass } from "./proxy-error.ts";

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

export function isIdempotent(method: string): boolean {
  return method === "GET" || IDEMPOTENT.has(method);
}

/** Always where nothing was sent; where nothing was answered, only if doing it twice is the same as doing it once. */
export function isRetrySafe(retry: RetryClass, request: RequestHead): boolean {
  if (retry === "unanswered") return isIdempotent(request.method) && request.upgrade === "";
  return retry === "connect";
}

/** How many of a request's peers may refuse it at no cost: about so many are gone at once where a Deployment shrinks. */
const MAX_REFUSING_PEERS = 32;

export const NO_PEERS: readonly Peer[] = [];

/** @param refusedBy peers that refused a request's connection, each once. */
export function addRefusal(refusedBy: readonly Peer[], peer: Peer): readonly Peer[] {
  return refusedBy.length >= MAX_REFUSING_PEERS || refusedBy.includes(peer) ? refusedBy : [...refusedBy, peer];
}

/** Refusals take no time and cost no upstream anything, so the peers that refused a request count as one attempt. */
export function countAttempts(attempts: number, refusedBy: readonly Peer[]): number {
  return attempts - Math.max(refusedBy.length - 1, 0);
}
