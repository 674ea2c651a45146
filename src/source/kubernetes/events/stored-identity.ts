// Which very object a reference means, so that an Event shows up where people look for it: kubectl describe asks by uid.
import type { ObjectReference } from "../../../ir/names.ts";
import type { ObjectStore } from "../../object-store.ts";
import type { WatchedKind } from "../../object-types.ts";

export interface StoredIdentity {
  readonly apiVersion: string;
  readonly uid: string;
}

/** Finds an object's identity; null for one that is not known, or not any more. */
export type IdentifyObject = (ref: ObjectReference) => StoredIdentity | null;

/** Looks into the store, which holds every object that was accepted. */
export function identifyInStore(store: ObjectStore, ref: ObjectReference): StoredIdentity | null {
  const object = store.get({ ...ref, kind: ref.kind as WatchedKind });
  const uid = object?.metadata.uid;
  return object === null || uid === undefined ? null : { apiVersion: object.apiVersion, uid };
}
