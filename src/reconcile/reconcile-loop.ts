// The loop from "something changed" to "every worker serves it". Level-triggered: a change only asks whether it matters;
// then the world is read and translated as a whole. It decides when and what to publish, never how to translate.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { NamespacedName } from "../ir/names.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import type { WorldObjects } from "../source/object-types.ts";
import { judgeChange } from "./change-filter.ts";
import { EndpointBaseline } from "./endpoint-baseline.ts";
import type { HoldOffTiming } from "./hold-off.ts";
import { HoldOff } from "./hold-off.ts";
import type { ObjectChange, ObjectWorld } from "./object-world.ts";
import type { ObjectReferences } from "./references.ts";
import { referenceKey } from "./references.ts";

/** What a pure translation of the world says. `Statuses` is passed through, never looked at. */
export interface Translation<Statuses> {
  readonly snapshot: Snapshot;
  readonly statuses: Statuses;
  readonly diagnostics: readonly Diagnostic[];
}

/** How a published snapshot fared, as the publisher tells it. */
export interface PublishResult {
  readonly generation: number;
  /** `programmed`: every worker serves it; `refused`: the last good one is served; `superseded`: a newer one took over. */
  readonly state: "programmed" | "refused" | "superseded";
}

export interface SnapshotPublisher {
  /** Resolves when every worker has answered; never rejects. */
  publish(snapshot: Snapshot): Promise<PublishResult>;
  /** Resolves when every worker balances over the new endpoints; never rejects. */
  publishEndpoints(changed: readonly EndpointSet[]): Promise<void>;
}

/** Told of what the loop does; must not throw. */
export interface ReconcileObserver<Statuses> {
  /** A translation is there, published or not. */
  translated(translation: Translation<Statuses>, durationMs: number): void;
  /** The workers answered for what this translation says: the moment to write statuses. Skipped where a newer one follows. */
  served(translation: Translation<Statuses>, result: PublishResult): void;
  /** Translating threw, which is a bug of ours; what is served stays. */
  failed(error: unknown): void;
}

export interface ReconcileOptions<Statuses> {
  readonly world: ObjectWorld;
  readonly translate: (objects: WorldObjects) => Translation<Statuses>;
  /** One set for every upstream of the Services, also where it is empty; sets of other upstreams do no harm. */
  readonly translateEndpoints: (objects: WorldObjects, services: readonly NamespacedName[]) => readonly EndpointSet[];
  /** Equal for equal content. */
  readonly hashSnapshot: (snapshot: Snapshot) => string;
  readonly collectReferences: (objects: WorldObjects) => ObjectReferences;
  readonly publisher: SnapshotPublisher;
  readonly observer: ReconcileObserver<Statuses>;
  readonly clock: Clock;
  readonly rebuildTiming?: HoldOffTiming;
  readonly endpointTiming?: HoldOffTiming;
}

/** A rebuild may take a second in a big cluster, so it waits for bursts; endpoints should follow a rollout closely. */
const DEFAULT_REBUILD_TIMING: HoldOffTiming = { delayMs: 25, maxDelayMs: 250 };
const DEFAULT_ENDPOINT_TIMING: HoldOffTiming = { delayMs: 2, maxDelayMs: 20 };

const NO_REFERENCES: ObjectReferences = { services: new Set(), secrets: new Set() };

export class ReconcileLoop<Statuses> {
  readonly #options: ReconcileOptions<Statuses>;
  readonly #rebuildLane: HoldOff;
  readonly #endpointLane: HoldOff;
  readonly #baseline = new EndpointBaseline();
  /** Services whose endpoints changed since they were last told. */
  readonly #staleServices = new Map<string, NamespacedName>();
  readonly #idleWaiters: (() => void)[] = [];
  #references = NO_REFERENCES;
  /** Hash of the published snapshot without its endpoints; null before the first. */
  #routingHash: string | null = null;
  #lastResult: Promise<PublishResult> | null = null;
  #lastEndpoints: Promise<void> = Promise.resolve();
  /** Counts batches of changes that mattered. */
  #sequence = 0;
  /** Counts translations, so that only the newest is reported as served. */
  #builds = 0;
  #unsubscribe: (() => void) | null = null;

  constructor(options: ReconcileOptions<Statuses>) {
    const { clock } = options;
    this.#options = options;
    this.#rebuildLane = new HoldOff(clock, options.rebuildTiming ?? DEFAULT_REBUILD_TIMING, () => this.#rebuild());
    this.#endpointLane = new HoldOff(clock, options.endpointTiming ?? DEFAULT_ENDPOINT_TIMING, () => this.#tell());
  }

  /** Begins to follow the world; the first snapshot is published as soon as the world has synced. */
  start(): void {
    const { world } = this.#options;
    this.#unsubscribe = world.subscribe((changes) => this.#onChanges(changes));
    if (world.hasSynced) this.#rebuild();
  }

  /** Follows the world no longer; what was published stays. */
  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#rebuildLane.cancel();
    this.#endpointLane.cancel();
    this.#staleServices.clear();
    this.#wakeIfIdle();
  }

  /** Batches of changes so far that mattered. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Resolves when all that was seen until now is built and the workers have answered. Before the first sync it waits for it. */
  async settled(): Promise<void> {
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    await this.#lastResult;
    await this.#lastEndpoints;
  }

  #onChanges(changes: readonly ObjectChange[]): void {
    if (!this.#options.world.hasSynced) return;
    if (this.#routingHash === null) {
      this.#sequence += 1;
      this.#rebuildLane.trigger();
      return;
    }
    let matters = false;
    for (const change of changes) {
      const verdict = judgeChange(change, this.#references);
      if (verdict.lane === "none") continue;
      matters = true;
      if (verdict.lane === "rebuild") this.#rebuildLane.trigger();
      else this.#markStale(verdict.services);
    }
    if (matters) this.#sequence += 1;
  }

  #markStale(services: readonly NamespacedName[]): void {
    for (const service of services) this.#staleServices.set(referenceKey(service), service);
    this.#endpointLane.trigger();
  }

  /** The slow lane: the whole world. It covers whatever the fast lane still had to tell. */
  #rebuild(): void {
    this.#rebuildLane.cancel();
    this.#endpointLane.cancel();
    this.#staleServices.clear();
    const objects = this.#options.world.readObjects();
    const translation = this.#translate(objects);
    if (translation !== null) {
      this.#references = this.#options.collectReferences(objects);
      this.#publish(translation);
    }
    this.#wakeIfIdle();
  }

  #translate(objects: WorldObjects): Translation<Statuses> | null {
    const { clock, observer, translate } = this.#options;
    const startedAt = clock.now();
    try {
      const translation = translate(objects);
      observer.translated(translation, clock.now() - startedAt);
      return translation;
    } catch (error) {
      observer.failed(error);
      return null;
    }
  }

  #publish(translation: Translation<Statuses>): void {
    const { hashSnapshot, publisher, observer } = this.#options;
    const { snapshot } = translation;
    const routingHash = hashSnapshot({ ...snapshot, endpoints: [] });
    if (routingHash !== this.#routingHash || this.#lastResult === null) {
      this.#routingHash = routingHash;
      this.#baseline.reset(snapshot);
      this.#lastResult = publisher.publish(snapshot);
    } else {
      this.#publishEndpoints(this.#baseline.advanceTo(snapshot.endpoints));
    }
    this.#builds += 1;
    const build = this.#builds;
    void Promise.all([this.#lastResult, this.#lastEndpoints]).then(([result]) => {
      if (build === this.#builds) observer.served(translation, result);
    });
  }

  /** The fast lane: endpoints of some Services, no routes. */
  #tell(): void {
    const services = [...this.#staleServices.values()];
    this.#staleServices.clear();
    const { observer, translateEndpoints, world } = this.#options;
    try {
      this.#publishEndpoints(this.#baseline.advance(translateEndpoints(world.readObjects(), services)));
    } catch (error) {
      observer.failed(error);
      // What the fast lane could not say, the slow one says for all Services.
      this.#rebuildLane.trigger();
    }
    this.#wakeIfIdle();
  }

  #publishEndpoints(changed: readonly EndpointSet[]): void {
    if (changed.length > 0) this.#lastEndpoints = this.#options.publisher.publishEndpoints(changed);
  }

  #isIdle(): boolean {
    const hasStarted = this.#lastResult !== null || this.#unsubscribe === null;
    return hasStarted && !this.#rebuildLane.isPending && !this.#endpointLane.isPending;
  }

  #wakeIfIdle(): void {
    if (!this.#isIdle()) return;
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }
}
