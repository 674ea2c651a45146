// The messages between the main thread and its workers. Types only; every value is structured-cloneable.
import type { Certificate } from "../ir/certificate.ts";
import type { Route, TlsHost, VirtualHost } from "../ir/route-table.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { Endpoint, EndpointSet, Upstream } from "../ir/upstream.ts";
import type { KeptRun, ListPatch } from "../lib/list-patch.ts";
import type { WorkerMetricsReport } from "../telemetry/metric-definitions.ts";

/** What a worker is started with (`workerData`). */
export interface WorkerSettings {
  readonly workerId: number;
  readonly listeners: readonly ListenerSettings[];
  readonly limits: ConnectionLimits;
  /** CIDRs whose forwarding headers are kept and appended to. */
  readonly trustedProxies: readonly string[];
  /** PEM of the self-signed certificate for server names without one. */
  readonly fallbackCertificate: { readonly chainPem: string; readonly keyPem: string };
  /** 48 random bytes (TLS ticket keys), the same for all workers. */
  readonly ticketKeys: Uint8Array;
  readonly accessLog: "json" | "off";
  /** Set for the replacement of a worker that died: bind no listener before the first snapshot is compiled. */
  readonly listenAfterSnapshot?: true;
}

export interface ListenerSettings {
  /** Name in logs and metrics: `http`, `https`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Bounds on downstream connections; defaults in config/. Times in milliseconds, sizes in bytes. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly headerTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxKeepAliveRequests: number;
  readonly maxHeaderCount: number;
  readonly maxHeaderBytes: number;
  readonly maxRequestLineBytes: number;
  /** Slowest allowed request body, bytes a second, after a grace of 10 s; 0: no bound. */
  readonly minBodyRate: number;
  readonly maxConcurrentStreams: number;
}

/**
 * Main thread to worker. At most one snapshot and one set of endpoints are unanswered at a time. A snapshot takes a worker
 * many turns, during which the one before serves; endpoints that come meanwhile take effect at once, and are part of what
 * serves next. Those of upstreams that the worker does not know are passed over, and answered all the same.
 */
export type ToWorker =
  /** `endpoints` also holds what was resolved for upstreams with a `dnsName`. */
  | { readonly type: "snapshot"; readonly generation: number; readonly snapshot: Snapshot }
  | { readonly type: "endpoints"; readonly sequence: number; readonly changed: readonly EndpointSet[] }
  | { readonly type: "ticket-keys"; readonly ticketKeys: Uint8Array }
  /** Also the probe of liveness, with id 0: a worker that leaves it unanswered for long is replaced. */
  | { readonly type: "collect-metrics"; readonly id: number }
  /** Stop accepting, finish what is in flight within `graceMs`, then answer `drained`. */
  | { readonly type: "drain"; readonly graceMs: number };

/** A snapshot as its differences from the one before. */
export interface SnapshotPatch {
  readonly virtualHosts: ListPatch<VirtualHost>;
  readonly tlsHosts: ListPatch<TlsHost>;
  readonly upstreams: ListPatch<Upstream>;
  readonly certificates: ListPatch<Certificate>;
  readonly defaultCertificate: string | null;
  readonly endpoints: ListPatch<EndpointSet>;
}

/**
 * What goes to the end of one list of the snapshot that grows in a worker: items, or a run of those that the snapshot before
 * has. `routes` and `addresses` go on with the virtual host and the endpoint set that came last, where these are too big for
 * one part.
 */
export type SnapshotPiece =
  | { readonly list: "virtualHosts"; readonly piece: KeptRun | readonly VirtualHost[] }
  | { readonly list: "routes"; readonly piece: readonly Route[] }
  | { readonly list: "tlsHosts"; readonly piece: KeptRun | readonly TlsHost[] }
  | { readonly list: "upstreams"; readonly piece: KeptRun | readonly Upstream[] }
  | { readonly list: "certificates"; readonly piece: KeptRun | readonly Certificate[] }
  | { readonly list: "endpoints"; readonly piece: KeptRun | readonly EndpointSet[] }
  | { readonly list: "addresses"; readonly piece: readonly Endpoint[] };

/** What may travel in one part, so that neither thread is held up for longer than a few milliseconds. */
export interface SnapshotPart {
  readonly pieces: readonly SnapshotPiece[];
  /** Of the snapshot; the same in all of its parts. */
  readonly defaultCertificate: string | null;
}

export interface PostedSnapshotPart {
  readonly type: "snapshot-part";
  readonly generation: number;
  /** From 0. */
  readonly index: number;
  readonly isLast: boolean;
  /** What kept runs refer to: the snapshot that was posted to the thread before, or `"nothing"`. */
  readonly basis: "posted-before" | "nothing";
  /**
   * A SnapshotPart, as v8.serialize writes it: written once for all workers, and read when the worker has a turn for it,
   * where a message that is cloned would be read as soon as it arrives.
   */
  readonly bytes: SharedArrayBuffer;
}

/**
 * What really travels to a worker. Snapshots go in parts: dataplane/snapshot-splitter.ts makes them, and
 * ingress/snapshot-assembler.ts puts them together again. Other messages overtake the parts that were not posted yet, so
 * endpoints that arrive after the first part are newer than the snapshot.
 */
export type PostedToWorker = Exclude<ToWorker, { readonly type: "snapshot" }> | PostedSnapshotPart;

/** Worker to main thread. */
export type FromWorker =
  /** All listeners are bound; `ports` in the order of the settings (port 0 becomes the real one). */
  | { readonly type: "listening"; readonly ports: readonly number[] }
  /** A listener could not be bound: the process cannot serve as configured. */
  | { readonly type: "listen-failed"; readonly address: string; readonly code: string; readonly message: string }
  | { readonly type: "ack"; readonly generation: number }
  | { readonly type: "nack"; readonly generation: number; readonly reason: string }
  | { readonly type: "endpoints-ack"; readonly sequence: number }
  | { readonly type: "metrics"; readonly id: number; readonly metrics: WorkerMetricsReport }
  /** Whole access-log lines, newline-terminated UTF-8. */
  | { readonly type: "access-log"; readonly lines: Uint8Array }
  | {
      readonly type: "log";
      readonly level: "info" | "warn" | "error";
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number>>;
    }
  /** `abortedConnections`: those that still served something when the grace time ended, and were closed. */
  | { readonly type: "drained"; readonly abortedConnections: number };
