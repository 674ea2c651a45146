// Takes in the objects of one collection: passes over those that are not wanted or not new, validates the others, and
// notices which are gone. Knows versions only; the objects themselves are the receiver's.
import type { ObjectReference } from "../../ir/names.ts";
import type { WatchedObject } from "../object-types.ts";
import type { Problem } from "../validation/problem-list.ts";
import { validateObject } from "../validation/validate-object.ts";
import type { StoredIdentity } from "./events/stored-identity.ts";
import type { ApiObject } from "./reflector/api-object.ts";
import { nameOfKey, objectKey } from "./reflector/api-object.ts";
import type { ReflectorSink } from "./reflector/reflector.ts";
import type { Resource } from "./resource.ts";
import { isNewer } from "./reflector/resource-version.ts";

export interface IntakeReceiver {
  accepted(object: WatchedObject, problems: readonly Problem[]): void;
  /** The API server takes what this version of Penstock does not. `identity` is null where the object has none. */
  refused(ref: ObjectReference, problems: readonly Problem[], identity: StoredIdentity | null): void;
  removed(ref: ObjectReference): void;
  /** A whole list has been taken in. */
  listed(): void;
}

export interface ObjectIntakeOptions {
  readonly resource: Resource;
  /** Whether to keep the object of this key, `namespace/name`, at all. */
  readonly isWanted: (key: string, namespace: string) => boolean;
  readonly receiver: IntakeReceiver;
}

/** API servers make UUIDs: of an object that is refused, nothing else is taken for one. */
const UID = /^[0-9a-zA-Z-]{1,64}$/;

export class ObjectIntake implements ReflectorSink {
  readonly resource: Resource;
  readonly #isWanted: ObjectIntakeOptions["isWanted"];
  readonly #receiver: IntakeReceiver;
  /** The version of each object that is held, accepted or refused. */
  readonly #versions = new Map<string, string>();
  /** Versions that were read beside the list and the watch, which may be behind them. */
  readonly #readAside = new Map<string, string>();
  /** What the watch said is gone while something was being read beside it. */
  readonly #goneMeanwhile = new Map<string, string>();
  #readingsAside = 0;

  constructor(options: ObjectIntakeOptions) {
    this.resource = options.resource;
    this.#isWanted = options.isWanted;
    this.#receiver = options.receiver;
  }

  /** Objects that are held. */
  get size(): number {
    return this.#versions.size;
  }

  has(key: string): boolean {
    return this.#versions.has(key);
  }

  listing(): void {
    // What was read before the list began is not newer than the list: the versions of a restored server start anew.
    this.#readAside.clear();
  }

  upsert(object: ApiObject): void {
    const key = objectKey(object.metadata);
    if (this.#isBehind(key, object.metadata.resourceVersion)) return;
    if (this.#isWanted(key, object.metadata.namespace ?? "")) this.#takeIn(key, object);
    else this.drop(key);
  }

  delete(object: ApiObject): void {
    const key = objectKey(object.metadata);
    const { resourceVersion } = object.metadata;
    if (this.#readingsAside > 0) this.#goneMeanwhile.set(key, resourceVersion);
    if (!this.#isBehind(key, resourceVersion)) this.drop(key);
  }

  listed(keys: ReadonlySet<string>, resourceVersion: string): void {
    for (const key of this.#versions.keys()) {
      if (!keys.has(key) && !isNewer(this.#readAside.get(key) ?? "", resourceVersion)) this.drop(key);
    }
    this.#receiver.listed();
  }

  /** Something is being read beside the watch, until it is ended: deletions must not be undone by it. */
  beginReadingAside(): void {
    this.#readingsAside += 1;
  }

  endReadingAside(): void {
    this.#readingsAside -= 1;
    if (this.#readingsAside === 0) this.#goneMeanwhile.clear();
  }

  /** Takes in an object that was read by itself, in no order with the watch. */
  readAside(object: ApiObject): void {
    const key = objectKey(object.metadata);
    const { resourceVersion } = object.metadata;
    if (!this.#isWanted(key, object.metadata.namespace ?? "")) return;
    if (isNewer(this.#versions.get(key) ?? "", resourceVersion)) return;
    const goneAt = this.#goneMeanwhile.get(key);
    if (goneAt !== undefined && !isNewer(resourceVersion, goneAt)) return;
    this.#readAside.set(key, resourceVersion);
    this.#takeIn(key, object);
  }

  /** Lets go of an object; unknown ones are passed over. */
  drop(key: string): void {
    this.#readAside.delete(key);
    if (this.#versions.delete(key)) this.#receiver.removed(this.#reference(key));
  }

  /** Lets go of all objects of one namespace. */
  dropNamespace(namespace: string): void {
    for (const key of this.#versions.keys()) if (key.startsWith(`${namespace}/`)) this.drop(key);
  }

  #takeIn(key: string, object: ApiObject): void {
    const { resourceVersion } = object.metadata;
    if (this.#versions.get(key) === resourceVersion) return;
    this.#versions.set(key, resourceVersion);
    // The items of a list do not say what they are.
    object.apiVersion = this.resource.apiVersion;
    object.kind = this.resource.kind;
    const validation = validateObject(object);
    const problems = validation.outcome === "foreign" ? [] : validation.problems.filter(isUsersMistake);
    if (validation.outcome === "accepted") this.#receiver.accepted(validation.object, problems);
    else this.#receiver.refused(this.#reference(key), problems, this.#identityOf(object));
  }

  #identityOf({ metadata }: ApiObject): StoredIdentity | null {
    const { uid } = metadata as { readonly uid?: unknown };
    return typeof uid === "string" && UID.test(uid) ? { apiVersion: this.resource.apiVersion, uid } : null;
  }

  /** True where something newer was read aside: what the watch says now is from before that. */
  #isBehind(key: string, resourceVersion: string): boolean {
    const aside = this.#readAside.get(key);
    if (aside === undefined) return false;
    if (isNewer(aside, resourceVersion)) return true;
    this.#readAside.delete(key);
    return false;
  }

  #reference(key: string): ObjectReference {
    return { kind: this.resource.kind, ...nameOfKey(key) };
  }
}

/** A field that we do not know is one of a newer API server; it is not for a user to take out. */
function isUsersMistake(problem: Problem): boolean {
  return problem.reason !== "UnknownField";
}
