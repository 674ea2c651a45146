// What learns of requests: the access log, the metrics. Declared here so that the ingress proxy knows neither.
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { Session } from "../engine/proxy/session.ts";
import type { IngressCtx } from "./ingress-ctx.ts";

/** Methods must not throw, and keep none of their arguments. */
export interface RequestObserver {
  /** An attempt has its connection. */
  onConnected?(isReused: boolean): void;
  /** Another attempt begins, because of `failure`. */
  onRetry?(failure: ProxyError): void;
  /**
   * Called once a request, last.
   * @param error null for a request that went well.
   */
  onRequestDone(session: Session, ctx: IngressCtx, error: ProxyError | null): void;
}
