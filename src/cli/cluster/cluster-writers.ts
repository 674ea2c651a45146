// What is written back to the cluster: who leads, the status of Ingresses, Events. Wires the parts; each knows its own rules.
import type { ClusterOptions } from "../../config/cluster-settings.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { NamespacedName } from "../../ir/names.ts";
import { systemClock } from "../../lib/clock.ts";
import type { DiagnosticChange, DiagnosticLedger } from "../../reconcile/diagnostic-ledger.ts";
import type { ApiClient } from "../../source/kubernetes/client/api-client.ts";
import { EventRecorder } from "../../source/kubernetes/events/event-recorder.ts";
import type { IdentifyObject } from "../../source/kubernetes/events/stored-identity.ts";
import { LeaderElection } from "../../source/kubernetes/leader-election/leader-election.ts";
import type { Leadership } from "../../source/kubernetes/leader-election/leader-term.ts";
import { permanentLeadership } from "../../source/kubernetes/leader-election/leader-term.ts";
import type { AddressOrigin } from "../../source/kubernetes/status/address-book.ts";
import { StatusWriter } from "../../source/kubernetes/status/status-writer.ts";
import type { ObjectStore } from "../../source/object-store.ts";
import type { ClusterMetrics } from "../../telemetry/cluster-metrics.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { PodIdentity } from "./pod-identity.ts";

const LEASE_NAME = "penstock-leader";

export interface ClusterWritersOptions {
  readonly cluster: ClusterOptions;
  readonly client: ApiClient;
  readonly store: ObjectStore;
  readonly identify: IdentifyObject;
  readonly pod: PodIdentity;
  readonly diagnostics: DiagnosticLedger;
  readonly metrics: ClusterMetrics;
  readonly logger: Logger;
}

export class ClusterWriters {
  readonly #options: ClusterWritersOptions;
  readonly #status: StatusWriter | null;
  readonly #events: EventRecorder | null;
  readonly #election: LeaderElection | null;
  #isStopping = false;

  constructor(options: ClusterWritersOptions) {
    this.#options = options;
    const { cluster } = options;
    const origin = addressOriginOf(cluster);
    this.#status = origin === null ? null : this.#createStatusWriter(origin);
    this.#events = cluster.isWritingEvents ? this.#createEventRecorder() : null;
    this.#election = cluster.isElectingLeader ? this.#createElection() : null;
    options.metrics.leads(false);
  }

  /** Takes part in the election; without one it leads at once. */
  start(): void {
    if (this.#election === null) this.#lead(permanentLeadership());
    else this.#election.start();
  }

  /** The Ingresses that every worker serves now. */
  programmed(ingresses: readonly NamespacedName[]): void {
    this.#status?.update(ingresses);
  }

  diagnosed(change: DiagnosticChange): void {
    this.#events?.change(change);
  }

  /** Ends all writing and lets another replica lead; nothing is written after it has resolved. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#events?.stop();
    await this.#status?.stop(this.#options.cluster.isClearingStatus);
    await this.#election?.stop();
  }

  /** Whoever stops has nothing more to say of it, but nothing is mended by that. */
  #replace(origin: string, found: readonly Diagnostic[]): void {
    if (!this.#isStopping) this.#options.diagnostics.replace(origin, found);
  }

  #lead(leadership: Leadership | null): void {
    this.#options.metrics.leads(leadership !== null);
    this.#status?.lead(leadership);
    this.#events?.lead(leadership);
  }

  #createElection(): LeaderElection {
    const { client, cluster, logger, pod } = this.#options;
    return new LeaderElection({
      client,
      lease: cluster.lease ?? { namespace: pod.namespace, name: LEASE_NAME },
      identity: pod.unique,
      clock: systemClock,
      wallTimeMs: Date.now,
      random: Math.random,
      onChange: (leadership, holder) => {
        this.#lead(leadership);
        logger.info({ holder }, describeLead(leadership !== null, holder, pod.unique));
      },
      onProblem: (message) => {
        if (message === null) logger.info("taking part in the election works");
        else logger.warn(message);
      },
    });
  }

  #createStatusWriter(origin: AddressOrigin): StatusWriter {
    const { client, store, metrics } = this.#options;
    return new StatusWriter({
      client,
      store,
      origin,
      clock: systemClock,
      random: Math.random,
      observer: {
        onWrite: (outcome) => metrics.wrote("status", outcome),
        onDiagnostics: (found) => this.#replace("status", found),
      },
    });
  }

  #createEventRecorder(): EventRecorder {
    const { client, cluster, identify, pod, metrics, logger } = this.#options;
    return new EventRecorder({
      client,
      identify,
      inForce: () => this.#options.diagnostics.current(),
      author: { controller: cluster.controllerName, instance: pod.name },
      clock: systemClock,
      wallTimeMs: Date.now,
      random: Math.random,
      observer: {
        onAnnounce: (outcome) => metrics.wrote("event", outcome),
        onLeftOut: (count) => logger.warn({ count }, "there are too many diagnostics for an Event each"),
        onDiagnostics: (found) => this.#replace("events", found),
      },
    });
  }
}

function describeLead(isLeader: boolean, holder: string, self: string): string {
  if (isLeader) return "this replica leads";
  return holder === "" || holder === self ? "this replica does not lead any more" : "another replica leads";
}

/** Where the addresses of a status come from; null: no status is written. */
function addressOriginOf({
  publishService,
  statusAddresses,
  isPublishingNodeAddresses,
}: ClusterOptions): AddressOrigin | null {
  if (statusAddresses.length > 0) return { type: "fixed", addresses: statusAddresses };
  if (publishService === null) return null;
  return { type: isPublishingNodeAddresses ? "nodes" : "service", service: publishService };
}
