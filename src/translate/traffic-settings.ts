// What an object's annotations or a policy ask for, and how what several of them say combines.
import type { RoutePolicy } from "../ir/route-table.ts";
import type { Place } from "./diagnose.ts";

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
  /** Where the settings of TLS were written; null where there are none. */
  readonly tlsPlace: Place | null;
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
  tlsPlace: null,
});

/** Of each setting what `first` says, else what `second` says. Either itself where the other says nothing at all. */
export function mergeSettings(first: TrafficSettings, second: TrafficSettings): TrafficSettings {
  if (second === NO_SETTINGS) return first;
  if (first === NO_SETTINGS) return second;
  return {
    connectTimeoutMs: first.connectTimeoutMs ?? second.connectTimeoutMs,
    responseTimeoutMs: first.responseTimeoutMs ?? second.responseTimeoutMs,
    idleTimeoutMs: first.idleTimeoutMs ?? second.idleTimeoutMs,
    maxBodyBytes: first.maxBodyBytes ?? second.maxBodyBytes,
    maxAttempts: first.maxAttempts ?? second.maxAttempts,
    sslRedirect: first.sslRedirect ?? second.sslRedirect,
    backendProtocol: first.backendProtocol ?? second.backendProtocol,
    tlsServerName: first.tlsServerName ?? second.tlsServerName,
    tlsCaSecret: first.tlsCaSecret ?? second.tlsCaSecret,
    tlsPlace: first.tlsPlace ?? second.tlsPlace,
  };
}

/** What holds for a route. Returns `defaults` itself where nothing else is said, so that routes share it. */
export function applySettings(settings: TrafficSettings, defaults: RoutePolicy): RoutePolicy {
  if (settings === NO_SETTINGS) return defaults;
  return {
    connectTimeoutMs: settings.connectTimeoutMs ?? defaults.connectTimeoutMs,
    responseTimeoutMs: settings.responseTimeoutMs ?? defaults.responseTimeoutMs,
    idleTimeoutMs: settings.idleTimeoutMs ?? defaults.idleTimeoutMs,
    tunnelIdleTimeoutMs: settings.idleTimeoutMs ?? defaults.tunnelIdleTimeoutMs,
    maxBodyBytes: settings.maxBodyBytes ?? defaults.maxBodyBytes,
    maxAttempts: settings.maxAttempts ?? defaults.maxAttempts,
    sslRedirect: settings.sslRedirect ?? defaults.sslRedirect,
  };
}
