// One collection of the cluster: its reflector, its intake, and how it stands. Decides nothing about the others.
import type { Clock } from "../../lib/clock.ts";
import type { ApiClient } from "./client/api-client.ts";
import type { CollectionName, CollectionStanding, CollectionState } from "./kubernetes-observer.ts";
import type { IntakeReceiver } from "./object-intake.ts";
import { ObjectIntake } from "./object-intake.ts";
import type { Failure } from "./reflector/failure.ts";
import { unavailabilityOf } from "./reflector/failure.ts";
import type { Awaited, ReflectorObserver, ReflectorTiming } from "./reflector/reflector.ts";
import { Reflector } from "./reflector/reflector.ts";
import type { Resource } from "./resource.ts";
import { qualifiedNameOf } from "./resource.ts";

/** What all collections of a source share. */
export interface CollectionContext {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timing: Partial<ReflectorTiming>;
  readonly observer: CollectionObserver;
}

export interface CollectionObserver {
  heard(): void;
  listed(collection: Collection, objects: number, durationMs: number): void;
  /** It was forbidden or not installed, and is there now. */
  cameAlive(): void;
  changed(collection: Collection): void;
  failed(collection: Collection, failure: Failure): void;
}

export interface CollectionOptions {
  readonly resource: Resource;
  /** Null: the whole cluster. */
  readonly namespace: string | null;
  readonly isWanted: (key: string, namespace: string) => boolean;
  readonly receiver: IntakeReceiver;
}

export class Collection {
  readonly name: CollectionName;
  readonly resource: Resource;
  readonly namespace: string | null;
  readonly intake: ObjectIntake;
  readonly #reflector: Reflector;
  readonly #listed = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<void>();
  #isStarted = false;
  #unauthorizedInARow = 0;
  #standing: CollectionStanding = "starting";

  constructor(options: CollectionOptions, context: CollectionContext) {
    const { resource, namespace, isWanted, receiver } = options;
    this.resource = resource;
    this.namespace = namespace;
    this.name = { kind: resource.kind, resource: qualifiedNameOf(resource), namespace };
    this.intake = new ObjectIntake({ resource, isWanted, receiver });
    this.#reflector = new Reflector({
      client: context.client,
      resource,
      namespace,
      sink: this.intake,
      clock: context.clock,
      random: context.random,
      timing: context.timing,
      observer: this.#observe(context.observer),
    });
  }

  /** Resolves when the first list is complete. */
  get listed(): Promise<void> {
    return this.#listed.promise;
  }

  /** Resolves when the first list is complete, or the cluster has said that there will be none for now. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** How often the credentials were refused since the last list. */
  get unauthorizedInARow(): number {
    return this.#unauthorizedInARow;
  }

  state(): CollectionState {
    return {
      ...this.name,
      standing: this.#standing,
      objects: this.intake.size,
    };
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  start(): void {
    this.#isStarted = true;
    this.#reflector.start();
  }

  /** What it may have waited for has come. */
  hurry(arrived: Awaited): void {
    this.#reflector.hurry(arrived);
  }

  close(): Promise<void> {
    return this.#reflector.close();
  }

  #observe(observer: CollectionObserver): ReflectorObserver {
    return {
      heard: () => observer.heard(),
      listed: (objects, durationMs) => {
        const wasUnavailable = this.#standing === "forbidden" || this.#standing === "not-installed";
        this.#standing = "current";
        this.#unauthorizedInARow = 0;
        this.#listed.resolve();
        this.#settled.resolve();
        observer.listed(this, objects, durationMs);
        if (wasUnavailable) observer.cameAlive();
      },
      opened: () => {
        this.#standing = "current";
      },
      changed: () => {
        observer.changed(this);
      },
      failed: (failure) => {
        const unavailability = unavailabilityOf(failure);
        if (failure.refusal?.kind === "unauthorized") this.#unauthorizedInARow += 1;
        if (unavailability !== null) this.#standing = unavailability;
        else if (this.#standing === "current") this.#standing = "retrying";
        if (unavailability !== null) this.#settled.resolve();
        observer.failed(this, failure);
      },
    };
  }
}
