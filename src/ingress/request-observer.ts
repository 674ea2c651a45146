// What learns of finished requests: the access log, the metrics. Declared here so that neither knows the ingress proxy.
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { Session } from "../engine/proxy/session.ts";

export interface RequestObserver {
  /**
   * Called once a request, last. Must not throw.
   * @param route id of the route, `""` where none matched.
   * @param upstream id of the upstream that was chosen, `""` where it did not come so far.
   * @param error null for a request that went well.
   */
  onRequestDone(session: Session, route: string, upstream: string, error: ProxyError | null): void;
}
