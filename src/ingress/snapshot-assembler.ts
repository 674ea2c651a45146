// Puts a snapshot together from its parts. What did not change is the very object that the snapshot before had. The other
// end is dataplane/snapshot-splitter.ts.
import { deserialize } from "node:v8";
import type { PostedSnapshotPart, SnapshotPart, SnapshotPiece } from "../dataplane/protocol.ts";
import type { Certificate } from "../ir/certificate.ts";
import type { Route, TlsHost, VirtualHost } from "../ir/route-table.ts";
import { EMPTY_SNAPSHOT } from "../ir/snapshot.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { Endpoint, EndpointSet, Upstream } from "../ir/upstream.ts";
import { appendPiece } from "../lib/list-patch.ts";

export class SnapshotAssembler {
  /** The last one that arrived whole, also where it could not be compiled. */
  #last: Snapshot = EMPTY_SNAPSHOT;
  #growing: GrowingSnapshot | null = null;

  /**
   * Takes all parts in the order in which they were posted. A first part makes an end of what went before; where a part
   * is broken, the others of its snapshot are passed over.
   * @returns the snapshot where this was its last part, else null.
   * @throws Error for a part that cannot be what was posted.
   */
  add(posted: PostedSnapshotPart): Snapshot | null {
    if (posted.index === 0) {
      this.#growing = new GrowingSnapshot(posted.basis === "nothing" ? EMPTY_SNAPSHOT : this.#last);
    }
    const growing = this.#growing;
    if (growing === null) return null;
    this.#growing = null;
    growing.add(posted);
    if (posted.isLast) return (this.#last = growing.finish());
    this.#growing = growing;
    return null;
  }
}

class GrowingSnapshot {
  readonly #basis: Snapshot;
  readonly #virtualHosts: VirtualHost[] = [];
  readonly #tlsHosts: TlsHost[] = [];
  readonly #upstreams: Upstream[] = [];
  readonly #certificates: Certificate[] = [];
  readonly #endpoints: EndpointSet[] = [];
  #defaultCertificate: string | null = null;
  #nextIndex = 0;

  constructor(basis: Snapshot) {
    this.#basis = basis;
  }

  add({ index, bytes }: PostedSnapshotPart): void {
    if (index !== this.#nextIndex) throw new Error(`part ${this.#nextIndex} of the snapshot is missing`);
    this.#nextIndex += 1;
    const { pieces, defaultCertificate } = deserialize(new Uint8Array(bytes)) as SnapshotPart;
    for (const piece of pieces) this.#addPiece(piece);
    this.#defaultCertificate = defaultCertificate;
  }

  finish(): Snapshot {
    return {
      routeTable: { virtualHosts: this.#virtualHosts, tlsHosts: this.#tlsHosts },
      upstreams: this.#upstreams,
      certificates: this.#certificates,
      defaultCertificate: this.#defaultCertificate,
      endpoints: this.#endpoints,
    };
  }

  #addPiece({ list, piece }: SnapshotPiece): void {
    const { routeTable, upstreams, certificates, endpoints } = this.#basis;
    switch (list) {
      case "virtualHosts":
        appendPiece(this.#virtualHosts, routeTable.virtualHosts, piece);
        break;
      case "routes":
        appendPiece(this.#virtualHosts.at(-1)?.routes as Route[], [], piece);
        break;
      case "tlsHosts":
        appendPiece(this.#tlsHosts, routeTable.tlsHosts, piece);
        break;
      case "upstreams":
        appendPiece(this.#upstreams, upstreams, piece);
        break;
      case "certificates":
        appendPiece(this.#certificates, certificates, piece);
        break;
      case "endpoints":
        appendPiece(this.#endpoints, endpoints, piece);
        break;
      case "addresses":
        appendPiece(this.#endpoints.at(-1)?.endpoints as Endpoint[], [], piece);
        break;
    }
  }
}
