// The world as it was last translated, to answer "does this change matter?". Errs towards yes: a translation too many
// publishes nothing. EndpointSlices are not looked at: they have a lane of their own.
import { isDeepStrictEqual } from "node:util";
import type { ObjectMeta, WatchedObject, WorldObjects } from "../source/object-types.ts";
import { findDifference } from "./list-difference.ts";
import type { ObjectReferences } from "./references.ts";
import { REFERRING_LISTS, referenceKeyOf } from "./references.ts";

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
  readonly #references: ObjectReferences;
  #objects: WorldObjects;

  /** @param references of these very objects; they are kept up with the baseline: whatever refers to more by now has changed itself. */
  constructor(objects: WorldObjects, references: ObjectReferences) {
    this.#objects = objects;
    this.#references = references;
  }

  /** `objects` are what is translated now. */
  advanceTo(objects: WorldObjects): void {
    for (const list of REFERRING_LISTS) {
      if (this.#objects[list] === objects[list]) continue;
      const { removed, added } = findDifference(this.#objects[list], objects[list]);
      for (const object of removed) this.#references.remove(object);
      for (const object of added) this.#references.add(object);
    }
    this.#objects = objects;
  }

  /** @param key `namespace/name` of a Service. */
  refersToService(key: string): boolean {
    return this.#references.hasService(key);
  }

  /** Whether a translation of `objects` could say anything else. */
  differsFrom(objects: WorldObjects): boolean {
    return RELEVANT_KINDS.some(
      (kind) => this.#objects[kind] !== objects[kind] && this.#hasChanged(kind, objects[kind]),
    );
  }

  #hasChanged(kind: RelevantKind, objects: readonly WatchedObject[]): boolean {
    const { removed, added } = findDifference(this.#objects[kind], objects);
    const before = new Map<string, WatchedObject>();
    for (const object of removed) {
      const key = referenceKeyOf(object);
      if (this.#counts(kind, key)) before.set(key, object);
    }
    for (const object of added) {
      const key = referenceKeyOf(object);
      if (!this.#counts(kind, key)) continue;
      const known = before.get(key);
      if (known === undefined || !saysTheSame(known, object)) return true;
      before.delete(key);
    }
    return before.size > 0;
  }

  /** Of Services and Secrets only those that anything refers to. */
  #counts(kind: RelevantKind, key: string): boolean {
    if (kind === "services") return this.#references.hasService(key);
    return kind !== "secrets" || this.#references.hasSecret(key);
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
