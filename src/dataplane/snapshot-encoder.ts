// Main thread's side of the way to one worker: posts the first snapshot whole, and the following ones as patches. The
// worker's side is ingress/snapshot-decoder.ts; a port loses and reorders nothing, so that both remember the same snapshot.
import type { Snapshot } from "../ir/snapshot.ts";
import { diffList } from "../lib/list-patch.ts";
import type { PostedToWorker, SnapshotPatch, ToWorker } from "./protocol.ts";

/** Remembers the last difference, which is the same for all workers of a publication. */
export class SnapshotDiffer {
  #before: Snapshot | null = null;
  #after: Snapshot | null = null;
  #patch: SnapshotPatch | null = null;

  diff(before: Snapshot, after: Snapshot): SnapshotPatch {
    if (this.#patch !== null && this.#before === before && this.#after === after) return this.#patch;
    this.#before = before;
    this.#after = after;
    this.#patch = diffSnapshots(before, after);
    return this.#patch;
  }
}

export class SnapshotEncoder {
  readonly #differ: SnapshotDiffer;
  #posted: Snapshot | null = null;

  constructor(differ: SnapshotDiffer) {
    this.#differ = differ;
  }

  encode(message: ToWorker): PostedToWorker {
    if (message.type !== "snapshot") return message;
    const before = this.#posted;
    this.#posted = message.snapshot;
    if (before === null) return message;
    const patch = this.#differ.diff(before, message.snapshot);
    return { type: "snapshot-patch", generation: message.generation, patch };
  }
}

function diffSnapshots(before: Snapshot, after: Snapshot): SnapshotPatch {
  return {
    virtualHosts: diffList(before.routeTable.virtualHosts, after.routeTable.virtualHosts),
    tlsHosts: diffList(before.routeTable.tlsHosts, after.routeTable.tlsHosts),
    upstreams: diffList(before.upstreams, after.upstreams),
    certificates: diffList(before.certificates, after.certificates),
    defaultCertificate: after.defaultCertificate,
    endpoints: diffList(before.endpoints, after.endpoints),
  };
}
