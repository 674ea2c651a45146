// A worker's side of the way from the main thread: puts snapshots that come as patches together again. What did not change
// is the very object that the snapshot before had. The other side is dataplane/snapshot-encoder.ts.
import type { PostedToWorker, SnapshotPatch, ToWorker } from "../dataplane/protocol.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import { patchList } from "../lib/list-patch.ts";

export class SnapshotDecoder {
  /** The last one that arrived, also where it could not be compiled. */
  #last: Snapshot | null = null;

  /** Takes every message from the main thread, in the order of arrival. */
  decode(message: PostedToWorker): ToWorker {
    if (message.type === "snapshot") {
      this.#last = message.snapshot;
      return message;
    }
    if (message.type !== "snapshot-patch") return message;
    if (this.#last === null) throw new Error("a patch came before any snapshot");
    this.#last = patchSnapshot(this.#last, message.patch);
    return { type: "snapshot", generation: message.generation, snapshot: this.#last };
  }
}

function patchSnapshot(before: Snapshot, patch: SnapshotPatch): Snapshot {
  return {
    routeTable: {
      virtualHosts: patchList(before.routeTable.virtualHosts, patch.virtualHosts),
      tlsHosts: patchList(before.routeTable.tlsHosts, patch.tlsHosts),
    },
    upstreams: patchList(before.upstreams, patch.upstreams),
    certificates: patchList(before.certificates, patch.certificates),
    defaultCertificate: patch.defaultCertificate,
    endpoints: patchList(before.endpoints, patch.endpoints),
  };
}
