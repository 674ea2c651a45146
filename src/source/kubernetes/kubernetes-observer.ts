// What the cluster's source tells of itself, for metrics and log lines. Declared here; whoever wires the source implements it.
import type { Failure } from "./reflector/failure.ts";

/** One collection that is read. */
export interface CollectionName {
  readonly kind: string;
  /** For example `ingresses.networking.k8s.io`. */
  readonly resource: string;
  /** Null: the whole cluster. */
  readonly namespace: string | null;
}

export type CollectionStanding =
  /** Not listed yet. */
  | "starting"
  /** Listed, and watched. */
  | "current"
  /** The last attempt failed; what was read before is kept. */
  | "retrying"
  | "forbidden"
  | "not-installed";

/** One collection, as it is now. */
export interface CollectionState extends CollectionName {
  readonly standing: CollectionStanding;
  /** Objects that are held. */
  readonly objects: number;
}

export interface KubernetesObserver {
  /** The API server answers: for the first time, or again. */
  connected(): void;
  /** The API server does not answer; what was read is served on. */
  disconnected(cause: string): void;
  /** A list was read to its end; every one after the first is a relist. */
  listed(collection: CollectionName, list: { readonly objects: number; readonly durationMs: number }): void;
  /** A watch delivered an event. */
  changed(collection: CollectionName): void;
  /** An attempt to list or to watch failed; it will be repeated. */
  failed(collection: CollectionName, failure: Failure): void;
  /** Everything was read once, in so many milliseconds since the start. */
  synced(durationMs: number): void;
}
