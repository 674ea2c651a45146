// What the `penstock.dev/` annotations of one object ask for, and how those of an Ingress and a Service combine.
import type { RoutePolicy } from "../../ir/route-table.ts";

/** Null: not said, or said wrongly. */
export interface TrafficSettings {
  readonly connectTimeoutMs: number | null;
  readonly responseTimeoutMs: number | null;
  /** Both for bodies and for upgraded connections. */
  readonly idleTimeoutMs: number | null;
  /** 0: no limit. */
  readonly maxBodyBytes: number | null;
  readonly maxAttempts: number | null;
  readonly sslRedirect: boolean | null;
  readonly backendProtocol: "http" | "https" | null;
  readonly tlsServerName: string | null;
  /** Name of a Secret in the object's namespace. */
  readonly tlsCaSecret: string | null;
}

export const NO_SETTINGS: TrafficSettings = Object.freeze({
  connectTimeoutMs: null,
  responseTimeoutMs: null,
  idleTimeoutMs: null,
  maxBodyBytes: null,
  maxAttempts: null,
  sslRedirect: null,
  backendProtocol: null,
  tlsServerName: null,
  tlsCaSecret: null,
});

/** Ingress before Service before defaults. Returns `defaults` itself where neither says anything, so that routes share it. */
export function mergeRoutePolicy(
  ingress: TrafficSettings,
  service: TrafficSettings,
  defaults: RoutePolicy,
): RoutePolicy {
  if (ingress === NO_SETTINGS && service === NO_SETTINGS) return defaults;
  const idleTimeoutMs = ingress.idleTimeoutMs ?? service.idleTimeoutMs;
  return {
    connectTimeoutMs: ingress.connectTimeoutMs ?? service.connectTimeoutMs ?? defaults.connectTimeoutMs,
    responseTimeoutMs: ingress.responseTimeoutMs ?? service.responseTimeoutMs ?? defaults.responseTimeoutMs,
    idleTimeoutMs: idleTimeoutMs ?? defaults.idleTimeoutMs,
    tunnelIdleTimeoutMs: idleTimeoutMs ?? defaults.tunnelIdleTimeoutMs,
    maxBodyBytes: ingress.maxBodyBytes ?? service.maxBodyBytes ?? defaults.maxBodyBytes,
    maxAttempts: ingress.maxAttempts ?? service.maxAttempts ?? defaults.maxAttempts,
    sslRedirect: ingress.sslRedirect ?? defaults.sslRedirect,
  };
}
