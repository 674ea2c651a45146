// Figures of a finished request that access log and metrics have in common.
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import { statusOfError } from "../engine/proxy/proxy-error.ts";
import type { Session } from "../engine/proxy/session.ts";

/** Status that was sent; 499 where the client went away before there was one, 0 where nothing was answered. */
export function finalStatusOf(session: Session, error: ProxyError | null): number {
  if (session.response !== null) return session.response.status;
  return error !== null && error.type === "client-closed" ? statusOfError(error.type) : 0;
}

/** Milliseconds from the complete head to now. */
export function durationOf(session: Session): number {
  return performance.now() - session.startedAt;
}
