// The loop from "something changed" to "every worker serves it". Level-triggered: a change only asks whether it matters;
// then the world is read and translated as a whole. It decides when and what to publish, never how to translate.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { NamespacedName } from "../ir/names.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import type { WorldObjects } from "../source/object-types.ts";
import { EndpointBaseline } from "./endpoint-baseline.ts";
import type { HoldOffTiming } from "./hold-off.ts";
import { HoldOff } from "./hold-off.ts";
import type { ObjectWorld, WorldChange } from "./object-world.ts";
import type { ObjectReferences } from "./references.ts";
import { SliceOwners } from "./slice-owners.ts";
import { WorldBaseline } from "./world-baseline.ts";

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
  /** Asked for once; what it returns is kept up with the world from then on. */
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

export class ReconcileLoop<Statuses> {
  readonly #options: ReconcileOptions<Statuses>;
  readonly #rebuildLane: HoldOff;
  readonly #endpointLane: HoldOff;
  readonly #endpoints = new EndpointBaseline();
  readonly #sliceOwners = new SliceOwners();
  /** Services whose endpoints changed since they were last told. */
  readonly #staleServices = new Map<string, NamespacedName>();
  readonly #idleWaiters: (() => void)[] = [];
  /** What was last translated; null before the first translation that succeeded. */
  #baseline: WorldBaseline | null = null;
  /** Hash of the published snapshot without its endpoints; null before the first. */
  #routingHash: string | null = null;
  #lastResult: Promise<PublishResult> | null = null;
  #lastEndpoints: Promise<void> = Promise.resolve();
  /** Counts translations, so that only the newest is reported as served. */
  #builds = 0;
  #unsubscribe: (() => void) | null = null;

  constructor(options: ReconcileOptions<Statuses>) {
    const { clock } = options;
    this.#options = options;
    this.#rebuildLane = new HoldOff(clock, options.rebuildTiming ?? DEFAULT_REBUILD_TIMING, () =>
      this.#rebuildIfNeeded(),
    );
    this.#endpointLane = new HoldOff(clock, options.endpointTiming ?? DEFAULT_ENDPOINT_TIMING, () =>
      this.#tellEndpoints(),
    );
  }

  /** Begins to follow the world; the first snapshot is published as soon as the world has synced. */
  start(): void {
    const { world } = this.#options;
    this.#unsubscribe = world.subscribe((change) => this.#onChange(change));
    this.#sliceOwners.reset(world.world().endpointSlices);
    if (world.isSynced) this.#rebuildIfNeeded();
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

  /** Resolves when all that was seen until now is built and the workers have answered. Before the first sync it waits for it. */
  async settled(): Promise<void> {
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    await this.#lastResult;
    await this.#lastEndpoints;
  }

  #onChange({ kinds, endpointSlices }: WorldChange): void {
    const concerned = this.#sliceOwners.advance(endpointSlices);
    if (!this.#options.world.isSynced) return;
    const isOnlySlices = kinds.size === 1 && kinds.has("EndpointSlice");
    if (this.#baseline === null || !isOnlySlices) this.#rebuildLane.trigger();
    if (this.#baseline === null) return;
    for (const [key, service] of concerned) {
      if (this.#baseline.refersToService(key)) this.#staleServices.set(key, service);
    }
    if (this.#staleServices.size > 0) this.#endpointLane.trigger();
  }

  #rebuildIfNeeded(): void {
    const objects = this.#options.world.world();
    if (this.#baseline === null || this.#baseline.differsFrom(objects)) this.#rebuild(objects);
    this.#wakeIfIdle();
  }

  /** The slow lane: the whole world. It covers whatever the fast lane still had to tell. */
  #rebuild(objects: WorldObjects): void {
    const translation = this.#translate(objects);
    if (translation === null) return;
    this.#endpointLane.cancel();
    this.#staleServices.clear();
    if (this.#baseline !== null) this.#baseline.advanceTo(objects);
    else this.#baseline = new WorldBaseline(objects, this.#options.collectReferences(objects));
    this.#publish(translation);
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
      this.#endpoints.reset(snapshot);
      this.#lastResult = publisher.publish(snapshot);
    } else {
      this.#publishEndpoints(this.#endpoints.advanceTo(snapshot.endpoints));
    }
    this.#builds += 1;
    const build = this.#builds;
    void Promise.all([this.#lastResult, this.#lastEndpoints]).then(([result]) => {
      if (build === this.#builds) observer.served(translation, result);
    });
  }

  /** The fast lane: endpoints of some Services, no routes. */
  #tellEndpoints(): void {
    const services = [...this.#staleServices.values()];
    this.#staleServices.clear();
    const { observer, translateEndpoints, world } = this.#options;
    try {
      this.#publishEndpoints(this.#endpoints.advance(translateEndpoints(world.world(), services)));
    } catch (error) {
      observer.failed(error);
      // What the fast lane could not say, the slow one says for all Services.
      this.#baseline = null;
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
