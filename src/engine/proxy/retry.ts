// Whether a request may be sent again without the client having asked for it, and how often beyond what was asked for.
import type { RequestHead } from "../http/messages.ts";
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

/** How many attempts of a request a proxy may let pass uncounted: about so many peers are gone at once where a Deployment shrinks. */
export const MAX_PASSED_OVER = 32;
