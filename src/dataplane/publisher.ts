// Brings snapshots and endpoints to every worker and keeps account of their answers: generation, ACK and NACK. A refused
// snapshot leaves the last good one in force everywhere. It decides nothing about what is published.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import { EndpointIndex } from "./endpoint-index.ts";
import type { FromWorker } from "./protocol.ts";
import type { DeliverySource, NumberedSnapshot } from "./worker-delivery.ts";
import { WorkerDelivery } from "./worker-delivery.ts";
import type { WorkerLink, WorkerObserver } from "./worker-link.ts";

/** `superseded`: a newer snapshot was published before the last worker answered. */
export interface PublishOutcome {
  readonly generation: number;
  readonly state: "programmed" | "refused" | "superseded";
  /** From publishing to the last worker's answer. */
  readonly durationMs: number;
}

/** For logs and metrics; must not throw. */
export interface PublisherObserver {
  published?(outcome: PublishOutcome): void;
  /** A worker now serves this generation; 0: none any more. */
  workerServes?(workerId: number, generation: number): void;
  /** Everything that is wrong with what was published, replacing what was said before. */
  diagnosed?(diagnostics: readonly Diagnostic[]): void;
}

export interface WorkerGeneration {
  readonly workerId: number;
  readonly generation: number;
}

export interface PublisherOptions {
  readonly workerCount: number;
  readonly observer: PublisherObserver;
  readonly clock: Clock;
}

interface PublishWaiter {
  readonly generation: number;
  readonly startedAt: number;
  readonly resolve: (outcome: PublishOutcome) => void;
}

interface EndpointWaiter {
  readonly sequence: number;
  readonly resolve: () => void;
}

export class Publisher implements WorkerObserver, DeliverySource {
  readonly #options: PublisherOptions;
  readonly #deliveries = new Map<WorkerLink, WorkerDelivery>();
  readonly #endpoints = new EndpointIndex();
  /** Why workers refused the current snapshot, by reason. Empty: none did. */
  readonly #refusals = new Map<string, number>();
  #current: NumberedSnapshot | null = null;
  /** The newest snapshot that some worker serves and none has refused, and the one before it. */
  #lastGood: NumberedSnapshot | null = null;
  #goodBefore: NumberedSnapshot | null = null;
  #endpointSequence = 0;
  #hasServed = false;
  /** A refusal was reported and no snapshot has been programmed since. */
  #isDiagnosed = false;
  #publishWaiters: PublishWaiter[] = [];
  #endpointWaiters: EndpointWaiter[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Generation of the newest snapshot; 0 before the first. */
  get generation(): number {
    return this.#current === null ? 0 : this.#current.generation;
  }

  /**
   * True once every worker has served a snapshot together, and while at least one still does: a worker that is being
   * replaced does not take the others out of service.
   */
  get isServing(): boolean {
    if (!this.#hasServed) return false;
    for (const delivery of this.#deliveries.values()) {
      if (delivery.served !== 0) return true;
    }
    return false;
  }

  /** What each running worker serves, in the order of their ids; 0: nothing yet. */
  get workers(): readonly WorkerGeneration[] {
    const workers = [...this.#deliveries.values()].map(({ link, served }) => ({
      workerId: link.workerId,
      generation: served,
    }));
    return workers.toSorted((one, other) => one.workerId - other.workerId);
  }

  /** What the workers were told last, endpoints included; null before the first snapshot. */
  get published(): NumberedSnapshot | null {
    if (this.#current === null) return null;
    return { generation: this.#current.generation, snapshot: this.fillIn(this.#current) };
  }

  /**
   * Sends a snapshot to every worker. Its endpoints must be at least as new as all that was published before, except
   * for upstreams with a name, whose resolved endpoints stay.
   * @returns resolves when every running worker has answered; never rejects.
   */
  publish(snapshot: Snapshot): Promise<PublishOutcome> {
    const { promise, resolve } = Promise.withResolvers<PublishOutcome>();
    this.#current = { generation: this.generation + 1, snapshot };
    this.#endpoints.reset(snapshot);
    this.#refusals.clear();
    this.#publishWaiters.push({ generation: this.generation, startedAt: this.#options.clock.now(), resolve });
    for (const delivery of this.#deliveries.values()) delivery.pump();
    return promise;
  }

  /**
   * Sends new endpoints to every worker. Sets of upstreams that the newest snapshot does not have are dropped.
   * @returns resolves when every running worker has them; never rejects.
   */
  publishEndpoints(changed: readonly EndpointSet[]): Promise<void> {
    const upstreams = changed.filter((set) => this.#endpoints.update(set)).map((set) => set.upstream);
    if (upstreams.length === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endpointSequence += 1;
    this.#endpointWaiters.push({ sequence: this.#endpointSequence, resolve });
    for (const delivery of this.#deliveries.values()) {
      delivery.markStale(upstreams);
      delivery.pump();
    }
    return promise;
  }

  get wanted(): NumberedSnapshot | null {
    const isRefused = this.#refusals.size > 0;
    return isRefused ? (this.#lastGood ?? this.#current) : this.#current;
  }

  get endpointSequence(): number {
    return this.#endpointSequence;
  }

  fillIn(numbered: NumberedSnapshot): Snapshot {
    return this.#endpoints.fillIn(numbered.snapshot, numbered === this.#current);
  }

  newestEndpoints(upstream: string): EndpointSet | null {
    return this.#endpoints.get(upstream);
  }

  workerStarted(link: WorkerLink): void {
    const delivery = new WorkerDelivery(link, this);
    this.#deliveries.set(link, delivery);
    delivery.pump();
  }

  workerStopped(link: WorkerLink): void {
    this.#deliveries.delete(link);
    this.#options.observer.workerServes?.(link.workerId, 0);
    this.#settle();
  }

  workerAnswered(link: WorkerLink, message: FromWorker): void {
    const delivery = this.#deliveries.get(link);
    if (delivery === undefined) return;
    if (message.type === "ack") this.#onAck(delivery, message.generation);
    else if (message.type === "nack") this.#onNack(delivery, message.generation, message.reason);
    else if (message.type === "endpoints-ack") delivery.acknowledgeEndpoints(message.sequence);
    else return;
    this.#settle();
    // An answer to a snapshot may change what the other workers should serve, too.
    const concerned = message.type === "endpoints-ack" ? [delivery] : this.#deliveries.values();
    for (const one of concerned) one.pump();
  }

  #onAck(delivery: WorkerDelivery, generation: number): void {
    const snapshot = delivery.acknowledge(generation);
    if (snapshot === null) return;
    this.#options.observer.workerServes?.(delivery.link.workerId, generation);
    const isRefused = generation === this.generation && this.#refusals.size > 0;
    if (isRefused || generation <= (this.#lastGood?.generation ?? 0)) return;
    this.#goodBefore = this.#lastGood;
    this.#lastGood = snapshot;
  }

  #onNack(delivery: WorkerDelivery, generation: number, reason: string): void {
    if (!delivery.refuse(generation)) return;
    // The refused snapshot was also to bring endpoints; what the worker serves instead needs them all the same.
    delivery.markStale(this.#endpoints.upstreams());
    if (generation === this.#lastGood?.generation) this.#lastGood = this.#goodBefore;
    if (generation !== this.generation || this.#refusals.has(reason)) return;
    this.#refusals.set(reason, delivery.link.workerId);
    this.#isDiagnosed = true;
    this.#options.observer.diagnosed?.(
      [...this.#refusals].map(([why, workerId]) => refusal(workerId, generation, why)),
    );
  }

  /** Resolves what has been answered by now. */
  #settle(): void {
    const deliveries = [...this.#deliveries.values()];
    if (deliveries.length === 0) return;
    this.#endpointWaiters = this.#endpointWaiters.filter((waiter) => {
      const isPending = !deliveries.every((delivery) => delivery.hasEndpoints(waiter.sequence));
      if (!isPending) waiter.resolve();
      return isPending;
    });
    this.#noteProgrammed(deliveries);
    this.#publishWaiters = this.#publishWaiters.filter((waiter) => {
      const isPending = !deliveries.every((delivery) => this.#hasAnswered(delivery, waiter.generation));
      if (!isPending) this.#resolvePublish(waiter);
      return isPending;
    });
  }

  /** A replacement that was only given the last good snapshot has nothing to say to the refused one. */
  #hasAnswered(delivery: WorkerDelivery, generation: number): boolean {
    const isOnLastGood = this.#refusals.size > 0 && delivery.served === this.#lastGood?.generation;
    return isOnLastGood || delivery.hasAnswered(generation);
  }

  #noteProgrammed(deliveries: readonly WorkerDelivery[]): void {
    if (!this.#hasServed && deliveries.length >= this.#options.workerCount) {
      this.#hasServed = deliveries.every((delivery) => delivery.served !== 0);
    }
    const isProgrammed = deliveries.every((delivery) => delivery.served === this.generation);
    if (!isProgrammed) return;
    this.#goodBefore = null;
    if (!this.#isDiagnosed) return;
    this.#isDiagnosed = false;
    this.#options.observer.diagnosed?.([]);
  }

  #resolvePublish({ generation, startedAt, resolve }: PublishWaiter): void {
    const durationMs = this.#options.clock.now() - startedAt;
    const outcome: PublishOutcome = { generation, state: this.#stateOf(generation), durationMs };
    this.#options.observer.published?.(outcome);
    resolve(outcome);
  }

  #stateOf(generation: number): PublishOutcome["state"] {
    if (generation !== this.generation) return "superseded";
    return this.#refusals.size > 0 ? "refused" : "programmed";
  }
}

function refusal(workerId: number, generation: number, reason: string): Diagnostic {
  return {
    severity: "error",
    reason: "SnapshotRefused",
    object: null,
    field: "",
    message: `Worker ${workerId} refused configuration generation ${generation}, so the one before stays in force: ${reason}.`,
    hint: "This is a fault of Penstock itself; undo the last change, and report it with this message.",
    location: null,
  };
}
