// The metrics that workers count: names, labels, buckets, and the shape in which a worker reports them. Both sides of the
// thread boundary read this file; a report carries figures only.

/** Label value of whatever is beyond a bound of cardinality. */
export const OTHER = "other";

export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly labelNames: readonly string[];
}

/**
 * Upper bounds of http.server.request.duration in the OpenTelemetry HTTP conventions 1.44, in milliseconds as they are
 * counted; exposed in seconds.
 */
export const DURATION_BUCKETS_MS: readonly number[] = [
  5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000,
];

/** Figures of one label set of a histogram: a count for each bucket, one for what lies beyond, and the sum in seconds. */
export const HISTOGRAM_STRIDE: number = DURATION_BUCKETS_MS.length + 2;

export type WorkerMetric =
  | "requests"
  | "requestDuration"
  | "requestBytes"
  | "responseBytes"
  | "connections"
  | "activeConnections"
  | "upstreamConnections"
  | "idleUpstreamConnections"
  | "retries"
  | "errors"
  | "eventLoopDelay";

const REQUEST_LABELS = ["route", "upstream", "status"];

export const WORKER_METRICS: Readonly<Record<WorkerMetric, MetricDefinition>> = {
  requests: {
    name: "penstock_requests_total",
    help: "Requests that have ended, by route, upstream and class of status.",
    kind: "counter",
    labelNames: REQUEST_LABELS,
  },
  requestDuration: {
    name: "penstock_request_duration_seconds",
    help: "From the complete request head to the end of the response.",
    kind: "histogram",
    labelNames: REQUEST_LABELS,
  },
  requestBytes: {
    name: "penstock_request_body_bytes_total",
    help: "Body bytes received from clients.",
    kind: "counter",
    labelNames: ["route", "upstream"],
  },
  responseBytes: {
    name: "penstock_response_body_bytes_total",
    help: "Body bytes sent to clients.",
    kind: "counter",
    labelNames: ["route", "upstream"],
  },
  connections: {
    name: "penstock_downstream_connections_total",
    help: "Client connections accepted, by listener and protocol.",
    kind: "counter",
    labelNames: ["listener", "protocol"],
  },
  activeConnections: {
    name: "penstock_downstream_connections_active",
    help: "Client connections open now.",
    kind: "gauge",
    labelNames: ["listener", "protocol"],
  },
  upstreamConnections: {
    name: "penstock_upstream_connections_total",
    help: "Attempts by the connection that served them: new, or reused from the pool.",
    kind: "counter",
    labelNames: ["connection"],
  },
  idleUpstreamConnections: {
    name: "penstock_upstream_connections_idle",
    help: "Upstream connections waiting in the pools now.",
    kind: "gauge",
    labelNames: [],
  },
  retries: {
    name: "penstock_retries_total",
    help: "Attempts after the first, by what failed before.",
    kind: "counter",
    labelNames: ["reason"],
  },
  errors: {
    name: "penstock_proxy_errors_total",
    help: "Requests that the proxy ended itself, by type of error.",
    kind: "counter",
    labelNames: ["type"],
  },
  eventLoopDelay: {
    name: "penstock_event_loop_delay_seconds",
    help: "How late timers fired since the last scrape, by thread and quantile.",
    kind: "gauge",
    labelNames: ["thread", "quantile"],
  },
};

/** One metric of one worker, as flat lists: cheap to clone between threads. */
export interface FamilyReport {
  readonly name: string;
  /** Label values in the order of the definition, one label set after the other. */
  readonly labels: readonly string[];
  /** One figure a label set; HISTOGRAM_STRIDE for histograms. */
  readonly values: Float64Array;
}

/** What a worker answers to `collect-metrics`. */
export interface WorkerMetricsReport {
  readonly families: readonly FamilyReport[];
}
