// What turns one snapshot into the next, in parts. All workers of a publication need the same: it is found once for them,
// and kept no longer than one of them is at it.
import { EMPTY_SNAPSHOT } from "../ir/snapshot.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import { diffList } from "../lib/list-patch.ts";
import type { SnapshotPatch } from "./protocol.ts";
import { SnapshotParts } from "./snapshot-parts.ts";
import { UNITS_PER_PART } from "./snapshot-splitter.ts";

interface Difference {
  readonly before: Snapshot | null;
  readonly after: Snapshot;
  readonly parts: SnapshotParts;
}

export class SnapshotDiffer {
  readonly #unitsPerPart: number;
  #last: WeakRef<Difference> | null = null;

  constructor(unitsPerPart: number = UNITS_PER_PART) {
    this.#unitsPerPart = unitsPerPart;
  }

  /** @param before null for all of `after`. */
  diff(before: Snapshot | null, after: Snapshot): Difference {
    const last = this.#last?.deref();
    if (last?.before === before && last.after === after) return last;
    const patch = diffSnapshots(before ?? EMPTY_SNAPSHOT, after);
    const difference = { before, after, parts: new SnapshotParts(patch, this.#unitsPerPart) };
    this.#last = new WeakRef(difference);
    return difference;
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
