// The world as a source last saw it, by kind, namespace and name. Knows neither files nor the Kubernetes API, and judges
// nothing: whoever feeds it hands over objects that passed their schema.
import { isDeepStrictEqual } from "node:util";
import type { SourceLocation } from "../ir/diagnostic.ts";
import type { NamespacedName, ObjectReference } from "../ir/names.ts";
import { formatName } from "../ir/names.ts";
import { deepFreeze } from "./deep-freeze.ts";
import type { EndpointSlice, WatchedKind, WatchedObject, WorldObjects } from "./object-types.ts";

/** The type of the objects of one kind. */
export type ObjectOf<Kind extends WatchedKind> = Extract<WatchedObject, { readonly kind: Kind }>;

/** An object that is new or has changed; `location` where it was read from a file. */
export interface ObjectUpsert {
  readonly type: "upsert";
  readonly object: WatchedObject;
  readonly location: SourceLocation | null;
}

/** An object that is gone; unknown ones are passed over. */
export interface ObjectDelete {
  readonly type: "delete";
  readonly ref: ObjectReference;
}

export type ObjectChange = ObjectUpsert | ObjectDelete;

/** What one batch, taken as a whole, changed; a batch that changed nothing is never told of. */
export interface StoreChange {
  /** The kinds of which an object was added, changed or deleted; all kinds when the store becomes synced. */
  readonly kinds: ReadonlySet<WatchedKind>;
  /** The fast lane: where `kinds` holds nothing but EndpointSlice, these are all that changed. */
  readonly endpointSlices: {
    /** New and changed slices, as they are now. */
    readonly changed: readonly EndpointSlice[];
    /** Deleted slices, as they were. */
    readonly deleted: readonly EndpointSlice[];
  };
}

export type StoreListener = (change: StoreChange) => void;

interface StoredObject {
  readonly object: WatchedObject;
  readonly location: SourceLocation | null;
}

/** An object's place in the store, and what stood there before the batch. */
interface TouchedPlace {
  readonly kind: WatchedKind;
  readonly key: string;
  readonly before: WatchedObject | null;
}

/** Every kind that the store holds, in the order of `WorldObjects`. */
const WATCHED_KINDS: readonly WatchedKind[] = [
  "Ingress",
  "IngressClass",
  "Service",
  "EndpointSlice",
  "Secret",
  "ConfigMap",
  "Namespace",
  "UpstreamPolicy",
  "RoutePolicy",
  "ProxyConfig",
];

/**
 * Holds the objects of the world, deeply frozen. An object keeps its identity for as long as its content stays
 * the same, so `===` tells whether anything changed.
 */
export class ObjectStore {
  readonly #kinds = new Map<WatchedKind, Map<string, StoredObject>>(WATCHED_KINDS.map((kind) => [kind, new Map()]));
  readonly #lists = new Map<WatchedKind, readonly WatchedObject[]>();
  readonly #listeners = new Set<StoreListener>();
  #world: WorldObjects | null = null;
  #isSynced = false;

  /** True once the source has handed over everything that there was to read at its start. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Says that the first full read is in the store, and tells every listener once. */
  markSynced(): void {
    if (this.#isSynced) return;
    this.#isSynced = true;
    const slices = this.world().endpointSlices;
    this.#notify({ kinds: new Set(WATCHED_KINDS), endpointSlices: { changed: slices, deleted: [] } });
  }

  /** Takes one batch in and tells the listeners once, after all of it; where one place is named twice, the last word counts. */
  apply(changes: readonly ObjectChange[]): void {
    const touched = new Map<string, TouchedPlace>();
    for (const change of changes) {
      const place = change.type === "upsert" ? this.#placeOf(change.object) : placeOfReference(change.ref);
      const objects = this.#kinds.get(place.kind);
      if (objects === undefined) continue;
      const touchedKey = `${place.kind}/${place.key}`;
      let known = touched.get(touchedKey);
      if (known === undefined) {
        known = { kind: place.kind, key: place.key, before: objects.get(place.key)?.object ?? null };
        touched.set(touchedKey, known);
      }
      if (change.type === "delete") objects.delete(place.key);
      else objects.set(place.key, { object: keepIdentity(known.before, change.object), location: change.location });
    }
    this.#publish(touched.values());
  }

  /** The object of that kind and name, or null. Cluster-scoped objects have the namespace `""`. */
  get<Kind extends WatchedKind>(ref: NamespacedName & { readonly kind: Kind }): ObjectOf<Kind> | null {
    const stored = this.#kinds.get(ref.kind)?.get(formatName(ref));
    return stored === undefined ? null : (stored.object as ObjectOf<Kind>);
  }

  /** Where the object was read from; null for one that is unknown or did not come from a file. */
  locationOf(ref: ObjectReference): SourceLocation | null {
    return this.#kinds.get(ref.kind as WatchedKind)?.get(formatName(ref))?.location ?? null;
  }

  /** Everything that the store holds; the same value, and the same list per kind, until something in it changes. */
  world(): WorldObjects {
    this.#world ??= Object.freeze({
      ingresses: this.#list("Ingress"),
      ingressClasses: this.#list("IngressClass"),
      services: this.#list("Service"),
      endpointSlices: this.#list("EndpointSlice"),
      secrets: this.#list("Secret"),
      configMaps: this.#list("ConfigMap"),
      namespaces: this.#list("Namespace"),
      upstreamPolicies: this.#list("UpstreamPolicy"),
      routePolicies: this.#list("RoutePolicy"),
      proxyConfigs: this.#list("ProxyConfig"),
    });
    return this.#world;
  }

  /** Calls `listener` after every batch that changed something, and when the store becomes synced; returns how to end that. */
  subscribe(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #list<Kind extends WatchedKind>(kind: Kind): readonly ObjectOf<Kind>[] {
    let list = this.#lists.get(kind);
    if (list === undefined) {
      const objects = this.#kinds.get(kind)?.values() ?? [];
      list = Object.freeze(Array.from(objects, (stored) => stored.object));
      this.#lists.set(kind, list);
    }
    return list as readonly ObjectOf<Kind>[];
  }

  #placeOf(object: WatchedObject): { kind: WatchedKind; key: string } {
    const { name, namespace = "" } = object.metadata;
    return { kind: object.kind, key: formatName({ namespace, name }) };
  }

  #publish(touched: Iterable<TouchedPlace>): void {
    const kinds = new Set<WatchedKind>();
    const changed: EndpointSlice[] = [];
    const deleted: EndpointSlice[] = [];
    for (const place of touched) {
      const now = this.#kinds.get(place.kind)?.get(place.key)?.object ?? null;
      if (now === place.before) continue;
      kinds.add(place.kind);
      if (now?.kind === "EndpointSlice") changed.push(now);
      else if (place.before?.kind === "EndpointSlice") deleted.push(place.before);
    }
    if (kinds.size === 0) return;
    for (const kind of kinds) this.#lists.delete(kind);
    this.#world = null;
    this.#notify({ kinds, endpointSlices: { changed, deleted } });
  }

  #notify(change: StoreChange): void {
    for (const listener of Array.from(this.#listeners)) listener(change);
  }
}

function placeOfReference(ref: ObjectReference): { kind: WatchedKind; key: string } {
  return { kind: ref.kind as WatchedKind, key: formatName(ref) };
}

function keepIdentity(before: WatchedObject | null, after: WatchedObject): WatchedObject {
  if (before !== null && (before === after || isDeepStrictEqual(before, after))) return before;
  return deepFreeze(after);
}
