// Every object of the double, and every change to them in order, as etcd keeps them. Knows no HTTP.
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "./api-objects.ts";
import { refuse } from "./api-objects.ts";
import type { ApiResource } from "./api-resources.ts";

/** One change; `before` and `after` are null where there was or is no object. */
export interface LogEntry {
  readonly revision: number;
  readonly resource: ApiResource;
  readonly key: string;
  readonly before: ApiObject | null;
  readonly after: ApiObject | null;
}

/** An object's place; `namespace` is `""` for cluster-scoped objects. */
export interface ObjectPlace {
  readonly resource: ApiResource;
  readonly namespace: string;
  readonly name: string;
}

export class ObjectLog {
  readonly #objects = new Map<ApiResource, Map<string, ApiObject>>();
  readonly #entries: LogEntry[] = [];
  readonly #onChange: () => void;
  #revision = 1000;
  #compactedAt = 0;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get revision(): number {
    return this.#revision;
  }

  get({ resource, namespace, name }: ObjectPlace): ApiObject | null {
    return this.#of(resource).get(`${namespace}/${name}`) ?? null;
  }

  /** Stores the object under the next resourceVersion, or leaves it where it says nothing new. */
  put(place: ObjectPlace, object: ApiObject): ApiObject {
    const key = `${place.namespace}/${place.name}`;
    const before = this.#of(place.resource).get(key) ?? null;
    const wanted = withIdentity(object, before, place);
    if (before !== null && isDeepStrictEqual(wanted, before)) return before;
    this.#revision += 1;
    const hasNewSpec = before !== null && !isDeepStrictEqual(before["spec"], wanted["spec"]);
    const generation = (before?.metadata.generation ?? 1) + (hasNewSpec ? 1 : 0);
    const metadata = { ...wanted.metadata, resourceVersion: String(this.#revision) };
    const after: ApiObject = { ...wanted, metadata: place.resource.hasStatus ? { ...metadata, generation } : metadata };
    this.#of(place.resource).set(key, after);
    this.#record({ revision: this.#revision, resource: place.resource, key, before, after });
    return after;
  }

  /** @returns the object as it was; null where there was none. */
  delete(place: ObjectPlace): ApiObject | null {
    const key = `${place.namespace}/${place.name}`;
    const before = this.#of(place.resource).get(key) ?? null;
    if (before === null) return null;
    this.#revision += 1;
    this.#of(place.resource).delete(key);
    this.#record({ revision: this.#revision, resource: place.resource, key, before, after: null });
    return before;
  }

  /**
   * The objects as they were at `revision`, by namespace and name.
   * @throws ApiFailure 410 where that has been compacted away.
   */
  listAt(resource: ApiResource, revision: number): readonly ApiObject[] {
    this.#refuseCompacted(revision, "The provided continue parameter is too old to display a consistent list result.");
    const objects = new Map(this.#of(resource));
    for (const entry of this.#entries.toReversed()) {
      if (entry.revision <= revision) break;
      if (entry.resource !== resource) continue;
      if (entry.before === null) objects.delete(entry.key);
      else objects.set(entry.key, entry.before);
    }
    return [...objects].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, object]) => object);
  }

  /**
   * What came after `revision`, of every resource.
   * @throws ApiFailure 410 where that has been compacted away.
   */
  changesAfter(revision: number): readonly LogEntry[] {
    this.#refuseCompacted(revision, `too old resource version: ${revision} (${this.#compactedAt})`);
    const first = this.#entries.findIndex((entry) => entry.revision > revision);
    return first === -1 ? [] : this.#entries.slice(first);
  }

  /** Forgets everything but the present. A change of nothing in particular makes sure that every old version is too old. */
  compact(): void {
    this.#revision += 1;
    this.#compactedAt = this.#revision;
    this.#entries.length = 0;
  }

  #refuseCompacted(revision: number, message: string): void {
    if (revision < this.#compactedAt) refuse(410, message);
  }

  #of(resource: ApiResource): Map<string, ApiObject> {
    let objects = this.#objects.get(resource);
    if (objects === undefined) {
      objects = new Map();
      this.#objects.set(resource, objects);
    }
    return objects;
  }

  #record(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#onChange();
  }
}

/** The object with what the server says of it, whatever the client wrote there. */
function withIdentity(
  object: ApiObject,
  before: ApiObject | null,
  { resource, namespace, name }: ObjectPlace,
): ApiObject {
  const { resourceVersion: _version, generation: _generation, namespace: _namespace, ...metadata } = object.metadata;
  const known = before?.metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      name,
      ...(resource.isNamespaced && { namespace }),
      uid: known?.uid ?? metadata.uid ?? randomUUID(),
      creationTimestamp: known?.creationTimestamp ?? metadata.creationTimestamp ?? new Date().toISOString(),
      ...(known?.resourceVersion !== undefined && { resourceVersion: known.resourceVersion }),
      ...(known?.generation !== undefined && { generation: known.generation }),
    },
  };
}
