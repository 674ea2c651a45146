// The world as it was last translated, to answer "does this change matter?". Errs towards yes: a translation too many
// publishes nothing. EndpointSlices are not looked at: they have a lane of their own.
import { isDeepStrictEqual } from "node:util";
import type { ObjectMeta, WatchedObject, WorldObjects } from "../source/object-types.ts";
import type { ObjectReferences } from "./references.ts";
import { referenceKeyOf } from "./references.ts";

type RelevantKind = Exclude<keyof WorldObjects, "endpointSlices">;

const RELEVANT_KINDS: readonly RelevantKind[] = [
  "ingresses",
  "ingressClasses",
  "services",
  "secrets",
  "configMaps",
  "namespaces",
  "upstreamPolicies",
  "routePolicies",
  "proxyConfigs",
];

export class WorldBaseline {
  readonly #objects: WorldObjects;
  readonly #references: ObjectReferences;
  /** Made when a list turns out to have changed. */
  readonly #byKey = new Map<RelevantKind, ReadonlyMap<string, WatchedObject>>();

  /** @param references of these very objects: whatever refers to more by now has changed itself. */
  constructor(objects: WorldObjects, references: ObjectReferences) {
    this.#objects = objects;
    this.#references = references;
  }

  /** @param key `namespace/name` of a Service. */
  refersToService(key: string): boolean {
    return this.#references.services.has(key);
  }

  /** Whether a translation of `objects` could say anything else. */
  differsFrom(objects: WorldObjects): boolean {
    return RELEVANT_KINDS.some(
      (kind) => this.#objects[kind] !== objects[kind] && this.#hasChanged(kind, objects[kind]),
    );
  }

  #hasChanged(kind: RelevantKind, objects: readonly WatchedObject[]): boolean {
    const before = this.#knownOf(kind);
    const now = this.#relevantOf(kind, objects);
    if (before.size !== now.size) return true;
    for (const [key, object] of now) {
      const known = before.get(key);
      if (known === undefined || !saysTheSame(known, object)) return true;
    }
    return false;
  }

  #knownOf(kind: RelevantKind): ReadonlyMap<string, WatchedObject> {
    let known = this.#byKey.get(kind);
    if (known === undefined) {
      known = this.#relevantOf(kind, this.#objects[kind]);
      this.#byKey.set(kind, known);
    }
    return known;
  }

  #relevantOf(kind: RelevantKind, objects: readonly WatchedObject[]): ReadonlyMap<string, WatchedObject> {
    const relevant = new Map<string, WatchedObject>();
    const wanted = this.#wantedOf(kind);
    for (const object of objects) {
      const key = referenceKeyOf(object);
      if (wanted === null || wanted.has(key)) relevant.set(key, object);
    }
    return relevant;
  }

  /** Keys of the objects that anything refers to; null where every object of the kind counts. */
  #wantedOf(kind: RelevantKind): ReadonlySet<string> | null {
    if (kind === "services") return this.#references.services;
    return kind === "secrets" ? this.#references.secrets : null;
  }
}

/** Whether two versions differ at most in the bookkeeping of the API server. */
function saysTheSame(one: WatchedObject, other: WatchedObject): boolean {
  return one === other || isDeepStrictEqual(withoutBookkeeping(one), withoutBookkeeping(other));
}

/** Translation reads no status: what we or others report must never make us publish again. */
function withoutBookkeeping(object: WatchedObject): object {
  const { resourceVersion: _resourceVersion, generation: _generation, ...metadata } = object.metadata;
  const { status: _status, ...rest }: WatchedObject & { readonly status?: unknown } = object;
  return { ...rest, metadata: metadata satisfies ObjectMeta };
}
