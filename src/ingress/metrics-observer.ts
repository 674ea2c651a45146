// Counts requests and connections.
import type { DownstreamConnection } from "../engine/proxy/downstream.ts";
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { Session } from "../engine/proxy/session.ts";
import type { ServerObserver } from "../engine/server/server-options.ts";
import type { WorkerMetrics } from "../telemetry/worker-metrics.ts";
import type { IngressCtx } from "./ingress-ctx.ts";
import { durationOf, finalStatusOf } from "./request-figures.ts";
import type { RequestObserver } from "./request-observer.ts";

export class MetricsObserver implements RequestObserver, ServerObserver {
  readonly #metrics: WorkerMetrics;

  constructor(metrics: WorkerMetrics) {
    this.#metrics = metrics;
  }

  onConnected(isReused: boolean): void {
    this.#metrics.countUpstreamConnection(isReused);
  }

  onRetry(failure: ProxyError): void {
    this.#metrics.countRetry(failure.type);
  }

  onRequestDone(session: Session, ctx: IngressCtx, error: ProxyError | null): void {
    const series = this.#metrics.routeSeries(ctx.routeId, ctx.upstreamId);
    const status = finalStatusOf(session, error);
    series.observe(status, durationOf(session), session.requestBodyBytes, session.responseBodyBytes);
    if (error !== null) this.#metrics.countError(error.type);
  }

  connectionOpened(listener: string, protocol: "http/1.1" | "h2"): void {
    this.#metrics.connections(listener, protocol).opened();
  }

  connectionClosed(listener: string, protocol: "http/1.1" | "h2"): void {
    this.#metrics.connections(listener, protocol).closed();
  }

  handshakeFailed(_listener: string, _error: Error): void {
    this.#metrics.countError("tls-handshake-failed");
  }

  requestRefused(_connection: DownstreamConnection, error: ProxyError): void {
    this.#metrics.countError(error.type);
  }
}
