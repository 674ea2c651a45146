// What a worker does with what its server tells of connections: counts it, and logs requests that were refused.
import type { DownstreamConnection } from "../engine/proxy/downstream.ts";
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { ServerObserver } from "../engine/server/server-options.ts";
import type { AccessLogObserver } from "./access-log-observer.ts";
import type { MetricsObserver } from "./metrics-observer.ts";

/** @param accessLog null where the access log is off. */
export function createServerObserver(metrics: MetricsObserver, accessLog: AccessLogObserver | null): ServerObserver {
  return {
    connectionOpened: (listener, protocol) => metrics.connectionOpened(listener, protocol),
    connectionClosed: (listener, protocol) => metrics.connectionClosed(listener, protocol),
    handshakeFailed: (listener, error) => metrics.handshakeFailed(listener, error),
    requestRefused: (connection: DownstreamConnection, error: ProxyError) => {
      metrics.requestRefused(connection, error);
      accessLog?.requestRefused(connection, error);
    },
  };
}
