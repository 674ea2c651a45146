// What the cluster's source tells of itself, as log lines and metrics. Decides what is worth a line; diagnostics have a way
// of their own.
import type { CollectionName, KubernetesObserver } from "../../source/kubernetes/kubernetes-observer.ts";
import type { Failure } from "../../source/kubernetes/reflector/failure.ts";
import { unavailabilityOf } from "../../source/kubernetes/reflector/failure.ts";
import type { ClusterMetrics } from "../../telemetry/cluster-metrics.ts";
import type { Logger } from "../../telemetry/log.ts";

/** "410 Gone": the watch was away for too long, and everything is listed again. */
const EXPIRED = 410;

/** Our own faults and bytes that are no events; everything else is told by `disconnected` or by a diagnostic. */
const REMARKABLE: ReadonlySet<string> = new Set(["broken", "internal", "silent"]);

export function createClusterObserver(metrics: ClusterMetrics, logger: Logger): KubernetesObserver {
  /** What each collection was last refused with, to say it once. */
  const refusals = new Map<string, string>();
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
      refusals.delete(`${resource} ${namespace ?? ""}`);
      logger.debug({ resource, namespace, objects, durationMs: Math.round(durationMs) }, "listed");
    },
    changed: ({ resource }) => metrics.changed(resource),
    failed: (collection, failure) => {
      metrics.failed(collection.resource, failure.type);
      const isNews = failure.type === "refused" && isNewRefusal(collection, failure, refusals);
      const level = isNews || REMARKABLE.has(failure.type) ? "warn" : "debug";
      logger[level]({ ...placeOf(collection), verb: failure.verb, type: failure.type }, failure.message);
    },
    synced: (durationMs) => logger.info({ durationMs: Math.round(durationMs) }, "everything was read from the cluster"),
  };
}

/** What is forbidden or not installed is a diagnostic; any other refusal, repeated for ever, would be told by nothing else. */
function isNewRefusal(
  { resource, namespace }: CollectionName,
  failure: Failure,
  refusals: Map<string, string>,
): boolean {
  if (unavailabilityOf(failure) !== null || failure.refusal?.status === EXPIRED) return false;
  const key = `${resource} ${namespace ?? ""}`;
  if (refusals.get(key) === failure.message) return false;
  refusals.set(key, failure.message);
  return true;
}

function placeOf({ resource, namespace }: CollectionName): object {
  return namespace === null ? { resource } : { resource, namespace };
}
