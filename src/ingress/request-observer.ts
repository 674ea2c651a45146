// What learns of finished requests: the access log, the metrics. Declared here so that the ingress proxy knows neither.
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { Session } from "../engine/proxy/session.ts";
import type { IngressCtx } from "./ingress-ctx.ts";

export interface RequestObserver {
  /**
   * Called once a request, last. Must not throw, and keeps neither argument.
   * @param error null for a request that went well.
   */
  onRequestDone(session: Session, ctx: IngressCtx, error: ProxyError | null): void;
}
