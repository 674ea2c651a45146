// Feeds an ObjectStore from a cluster, and keeps feeding it whatever becomes of the API server.
//
// Of Secrets only those are kept that something refers to. An object that the API server takes and this version refuses
// keeps its last good version: a route that works must not end because of a field that we judge more strictly.
import type { NamespacedName, ObjectReference } from "../../ir/names.ts";
import type { Clock } from "../../lib/clock.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectStore } from "../object-store.ts";
import type { WatchedObject } from "../object-types.ts";
import { SourceError } from "../source-error.ts";
import type { Problem } from "../validation/problem-list.ts";
import { availabilityDiagnostic } from "./availability-diagnostics.ts";
import { ChangeBatch } from "./change-batch.ts";
import type { ApiClient } from "./client/api-client.ts";
import type { ConnectionTarget } from "./client/connection-failure.ts";
import type { CollectionContext } from "./collection.ts";
import { Collection } from "./collection.ts";
import { Contact } from "./contact.ts";
import { DiagnosticBoard, problemDiagnostics, subjectOf } from "./diagnostic-board.ts";
import type { StoredIdentity } from "./events/stored-identity.ts";
import { identifyInStore } from "./events/stored-identity.ts";
import type { CollectionState, KubernetesObserver } from "./kubernetes-observer.ts";
import type { LabelSelector } from "./label-selector.ts";
import { parseLabelSelector } from "./label-selector.ts";
import { readNamespace } from "./namespace-reading.ts";
import { NamespaceScope } from "./namespace-scope.ts";
import type { IntakeReceiver } from "./object-intake.ts";
import { ReferencedSecrets } from "./referenced-secrets.ts";
import type { Failure } from "./reflector/failure.ts";
import type { Awaited, ReflectorTiming } from "./reflector/reflector.ts";
import { DEFAULT_REFLECTOR_TIMING } from "./reflector/reflector.ts";
import type { Resource } from "./resource.ts";
import { NAMESPACES, SECRETS, WHOLE_RESOURCES } from "./resources.ts";

/** Milliseconds. */
export interface KubernetesSourceTiming extends ReflectorTiming {
  /** The longest that a change waits for a Secret which it has begun to refer to. */
  readonly maxHoldMs: number;
  /** For one Secret. */
  readonly readTimeoutMs: number;
}

export interface KubernetesSourceOptions {
  readonly client: ApiClient & Partial<ConnectionTarget>;
  readonly store: ObjectStore;
  /** Only these are read; empty: all. */
  readonly namespaces: readonly string[];
  /** Only namespaces with such labels are read; null: all. Excludes `namespaces`. */
  readonly namespaceSelector: string | null;
  /** The Secrets that an object refers to, of which there must be a bound: each may be asked for by itself. */
  readonly secretsOf: (object: WatchedObject) => readonly NamespacedName[];
  /** Secrets that the installation itself refers to; read wherever they are. */
  readonly fixedSecrets: readonly NamespacedName[];
  /** Called with all diagnostics whenever one came or went, after the store has the objects. */
  readonly onDiagnostics: (diagnostics: readonly Diagnostic[]) => void;
  readonly observer: KubernetesObserver;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly timing?: Partial<KubernetesSourceTiming>;
}

const DEFAULT_TIMING: KubernetesSourceTiming = { ...DEFAULT_REFLECTOR_TIMING, maxHoldMs: 1_000, readTimeoutMs: 10_000 };

/** A batch of the store; while nothing is served yet, the first world comes in few of them. */
const MAX_BATCH = 5_000;

/** An API server that has just started may refuse everybody for a moment. */
const REFUSALS_TO_BELIEVE = 3;

const STILL_SERVED = "Its last good version is still served.";

export class KubernetesSource {
  readonly #options: KubernetesSourceOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #timing: KubernetesSourceTiming;
  readonly #store: ObjectStore;
  readonly #contact: Contact;
  readonly #board = new DiagnosticBoard();
  readonly #batch: ChangeBatch;
  readonly #scope: NamespaceScope;
  readonly #namespaces: Collection | null;
  readonly #whole: readonly Collection[];
  readonly #secrets: ReferencedSecrets;
  /** Of objects that the store does not hold as they are now. */
  readonly #refused = new Map<string, StoredIdentity>();
  readonly #closing = new AbortController();
  readonly #impossible = Promise.withResolvers<never>();

  /** @throws SourceError where the namespaces are given in a way that cannot be. */
  constructor(options: KubernetesSourceOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#contact = new Contact({
      connected: () => {
        options.observer.connected();
        this.#hurry("server");
      },
      disconnected: (cause) => options.observer.disconnected(cause),
    });
    this.#scope = new NamespaceScope(selectorOf(options));
    this.#batch = new ChangeBatch({
      apply: (changes) => this.#store.apply(changes),
      flushed: () => this.#tellDiagnostics(),
      clock: this.#clock,
      maxHoldMs: this.#timing.maxHoldMs,
      maxChanges: MAX_BATCH,
    });
    this.#namespaces = options.namespaceSelector === null ? null : this.#collect(NAMESPACES, null);
    this.#whole = WHOLE_RESOURCES.flatMap((resource) => this.#collectEverywhere(resource));
    this.#secrets = this.#referSecrets();
    this.#impossible.promise.catch(() => {});
  }

  /** How every collection stands, for metrics. */
  collections(): readonly CollectionState[] {
    return this.#all().map((collection) => collection.state());
  }

  /** Whether the API server answered when it was last asked. */
  get isConnected(): boolean {
    return this.#contact.isConnected;
  }

  /** Whether objects of that namespace are among those that are read. */
  reads(namespace: string): boolean {
    const { namespaces } = this.#options;
    return this.#scope.accepts(namespace) && (namespaces.length === 0 || namespaces.includes(namespace));
  }

  /** Which very object a reference means, one that was refused included; null for one that is not known, or not any more. */
  identify(ref: ObjectReference): StoredIdentity | null {
    return this.#refused.get(subjectOf(ref)) ?? identifyInStore(this.#store, ref);
  }

  /**
   * Resolves when everything was read once and the store is marked as synced. Waits for an API server that does not
   * answer; goes on without what it does not let us read.
   * @throws SourceError where the credentials are refused, or the server cannot be trusted.
   */
  async start(): Promise<void> {
    const startedAtMs = this.#clock.now();
    this.#batch.gather(true);
    try {
      await Promise.race([this.#readAll(), this.#impossible.promise]);
    } catch (error) {
      await this.close();
      throw error;
    }
    if (this.#closing.signal.aborted) return;
    this.#batch.gather(false);
    this.#store.markSynced();
    this.#options.observer.synced(this.#clock.now() - startedAtMs);
  }

  /** Stops reading; the store keeps what it has. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#secrets.close();
    this.#batch.close();
    await Promise.all(this.#all().map((collection) => collection.close()));
  }

  async #readAll(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#closing.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const isClosed = (): boolean => this.#closing.signal.aborted;
    // Without it nobody knows which objects count: an empty world would be a false one.
    this.#namespaces?.start();
    await Promise.race([this.#namespaces?.listed, closed]);
    if (isClosed()) return;
    for (const collection of this.#whole) collection.start();
    await Promise.race([Promise.all(this.#whole.map(({ settled }) => settled)), closed]);
    await Promise.race([this.#essentialsListed(), closed]);
    if (isClosed()) return;
    // After everything that refers to them, so that one list finds all of them.
    this.#secrets.start();
    await Promise.race([this.#secrets.settled(), closed]);
  }

  /** A world without Ingresses, say, because nobody may read them, would be a false one: better not to be ready. */
  async #essentialsListed(): Promise<void> {
    const byResource = Map.groupBy(this.#whole, ({ resource }) => resource);
    const essentials = [...byResource].filter(([resource]) => resource.isEssential);
    // Where namespaces are named, those that are not to be read keep no other one from being served.
    await Promise.all(essentials.map(([, collections]) => Promise.any(collections.map(({ listed }) => listed))));
  }

  #hurry(arrived: Awaited): void {
    for (const collection of this.#all()) collection.hurry(arrived);
  }

  #all(): readonly Collection[] {
    return [...(this.#namespaces === null ? [] : [this.#namespaces]), ...this.#whole, ...this.#secrets.collections];
  }

  #collectEverywhere(resource: Resource): readonly Collection[] {
    const { namespaces } = this.#options;
    if (!resource.isNamespaced || namespaces.length === 0) return [this.#collect(resource, null)];
    return [...new Set(namespaces)].map((namespace) => this.#collect(resource, namespace));
  }

  #referSecrets(): ReferencedSecrets {
    const { client, namespaces, fixedSecrets } = this.#options;
    return new ReferencedSecrets({
      client,
      clock: this.#clock,
      random: this.#random,
      timing: this.#timing,
      namespaces,
      fixedSecrets,
      board: this.#board,
      batch: this.#batch,
      collectEverywhere: (resource) => this.#collectEverywhere(resource),
      collect: (resource, namespace) => this.#collect(resource, namespace),
    });
  }

  #collect(resource: Resource, namespace: string | null): Collection {
    const context: CollectionContext = {
      client: this.#options.client,
      clock: this.#clock,
      random: this.#random,
      timing: this.#timing,
      observer: {
        heard: () => this.#contact.heard(),
        listed: (collection, objects, durationMs) => this.#listed(collection, objects, durationMs),
        cameAlive: () => this.#hurry("permission"),
        changed: (collection) => this.#options.observer.changed(collection.name),
        failed: (collection, failure) => this.#failed(collection, failure),
      },
    };
    return new Collection(
      { resource, namespace, isWanted: this.#wantedOf(resource), receiver: this.#receiver() },
      context,
    );
  }

  #wantedOf(resource: Resource): (key: string, namespace: string) => boolean {
    if (resource.kind === "Secret") return (key) => this.#secrets.isWanted(key);
    if (resource === NAMESPACES) return () => true;
    return (_key, namespace) => this.#scope.accepts(namespace);
  }

  #receiver(): IntakeReceiver {
    return {
      accepted: (object, problems) => this.#accept(object, problems),
      refused: (ref, problems, identity) => this.#refuse(ref, problems, identity),
      removed: (ref) => this.#remove(ref),
      listed: () => this.#batch.request(),
    };
  }

  #accept(object: WatchedObject, problems: readonly Problem[]): void {
    const { name, namespace = "" } = object.metadata;
    const ref = { kind: object.kind, namespace, name };
    this.#batch.add({ type: "upsert", object, location: null });
    this.#refused.delete(subjectOf(ref));
    this.#board.set(subjectOf(ref), problemDiagnostics(ref, problems, ""));
    this.#secrets.refer(ref, this.#options.secretsOf(object));
    if (object.kind === "Namespace") this.#updateScope(name, object.metadata.labels ?? {});
  }

  #refuse(ref: ObjectReference, problems: readonly Problem[], identity: StoredIdentity | null): void {
    if (identity === null) this.#refused.delete(subjectOf(ref));
    else this.#refused.set(subjectOf(ref), identity);
    const note = this.#isStored(ref) ? STILL_SERVED : "It is not served.";
    this.#board.set(subjectOf(ref), problemDiagnostics(ref, problems, note));
    this.#batch.request();
  }

  #isStored(ref: ObjectReference): boolean {
    return this.#store.get({ ...ref, kind: ref.kind as WatchedObject["kind"] }) !== null;
  }

  #remove(ref: ObjectReference): void {
    this.#batch.add({ type: "delete", ref });
    this.#refused.delete(subjectOf(ref));
    this.#board.set(subjectOf(ref), []);
    this.#secrets.refer(ref, []);
    if (ref.kind === "Namespace") this.#updateScope(ref.name, null);
  }

  #updateScope(namespace: string, labels: Readonly<Record<string, string>> | null): void {
    const change = this.#scope.update(namespace, labels);
    const namespaced = this.#whole.filter(({ resource }) => resource.isNamespaced);
    if (change === "ceases") for (const { intake } of namespaced) intake.dropNamespace(namespace);
    if (change !== "begins") return;
    for (const { intake, isStarted } of namespaced) {
      if (!isStarted) continue;
      void readNamespace({
        client: this.#options.client,
        intake,
        namespace,
        clock: this.#clock,
        random: this.#random,
        timing: this.#timing,
        isWanted: () => this.#scope.accepts(namespace),
        signal: this.#closing.signal,
      });
    }
  }

  #listed(collection: Collection, objects: number, durationMs: number): void {
    this.#board.set(collectionSubject(collection), []);
    this.#batch.request();
    this.#options.observer.listed(collection.name, { objects, durationMs });
  }

  #failed(collection: Collection, failure: Failure): void {
    const { observer } = this.#options;
    if (failure.type === "unreachable" || failure.type === "impossible") this.#contact.failed(failure.message);
    observer.failed(collection.name, failure);
    if (failure.type === "impossible") this.#impossible.reject(new SourceError(failure.message));
    if (collection.unauthorizedInARow >= REFUSALS_TO_BELIEVE) this.#refuseCredentials(failure);
    const diagnostic = availabilityDiagnostic(collection.resource, collection.namespace, failure);
    if (diagnostic === null) return;
    this.#board.set(collectionSubject(collection), [diagnostic]);
    this.#batch.request();
    if (collection.resource === SECRETS) this.#secrets.readOneByOne();
  }

  #refuseCredentials(failure: Failure): void {
    const { server = "", origin = "" } = this.#options.client;
    const where = server === "" ? "" : ` ${server} (${origin})`;
    this.#impossible.reject(
      new SourceError(
        `the API server${where} does not accept the credentials: ${failure.message}; renew the token or certificate of the user`,
      ),
    );
  }

  #tellDiagnostics(): void {
    const diagnostics = this.#board.takeChanged();
    if (diagnostics !== null) this.#options.onDiagnostics(diagnostics);
  }
}

function selectorOf({ namespaces, namespaceSelector }: KubernetesSourceOptions): LabelSelector | null {
  if (namespaceSelector === null) return null;
  if (namespaces.length > 0) throw new SourceError("namespaces are given both by name and by selector: choose one");
  const parsed = parseLabelSelector(namespaceSelector);
  if (parsed.ok) return parsed.selector;
  throw new SourceError(`the namespace selector ${JSON.stringify(namespaceSelector)} cannot be read: ${parsed.error}`);
}

function collectionSubject({ name }: Collection): string {
  return `collection ${name.resource} ${name.namespace ?? ""}`;
}
