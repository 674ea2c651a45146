// What the cluster's source tells of itself, as log lines and metrics. Decides what is worth a line; diagnostics have a way
// of their own.
import type { CollectionName, KubernetesObserver } from "../../source/kubernetes/kubernetes-observer.ts";
import type { ClusterMetrics } from "../../telemetry/cluster-metrics.ts";
import type { Logger } from "../../telemetry/log.ts";

/** Our own faults and bytes that are no events; everything else is told by `disconnected` or by a diagnostic. */
const REMARKABLE: ReadonlySet<string> = new Set(["broken", "internal", "silent"]);

export function createClusterObserver(metrics: ClusterMetrics, logger: Logger): KubernetesObserver {
  return {
    connected: () => {
      metrics.connected(true);
      logger.info("the API server answers");
    },
    disconnected: (cause) => {
      metrics.connected(false);
      logger.warn({ cause }, "the API server does not answer; what was read is served on");
    },
    listed: ({ resource, namespace }, { objects, durationMs }) => {
      metrics.listed(resource);
      logger.debug({ resource, namespace, objects, durationMs: Math.round(durationMs) }, "listed");
    },
    changed: ({ resource }) => metrics.changed(resource),
    failed: (collection, failure) => {
      metrics.failed(collection.resource, failure.type);
      const level = REMARKABLE.has(failure.type) ? "warn" : "debug";
      logger[level]({ ...placeOf(collection), verb: failure.verb, type: failure.type }, failure.message);
    },
    synced: (durationMs) => logger.info({ durationMs: Math.round(durationMs) }, "everything was read from the cluster"),
  };
}

function placeOf({ resource, namespace }: CollectionName): object {
  return namespace === null ? { resource } : { resource, namespace };
}
