// Posts snapshots to one worker: what differs from the one that it was posted before, a part a turn, so that the main thread
// has turns for everything else. What is in a part is the splitter's.
import type { Snapshot } from "../ir/snapshot.ts";
import type { PostedSnapshotPart } from "./protocol.ts";
import type { SnapshotDiffer } from "./snapshot-differ.ts";

export interface SnapshotSenderOptions {
  readonly differ: SnapshotDiffer;
  /** A port, which loses and reorders nothing. */
  readonly post: (part: PostedSnapshotPart) => void;
  /** Calls back in a later turn; for tests. */
  readonly later?: (callback: () => void) => void;
}

/** What is still to be posted of one snapshot. */
interface Transfer {
  readonly generation: number;
  readonly basis: PostedSnapshotPart["basis"];
  readonly difference: ReturnType<SnapshotDiffer["diff"]>;
  index: number;
}

export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  /** What the worker has, or will have when all is posted; null for nothing. */
  #posted: Snapshot | null = null;
  #transfer: Transfer | null = null;

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  /** Posts the first part now. A snapshot that is not posted to its end is given up: the worker drops what it has of it. */
  send(generation: number, snapshot: Snapshot): void {
    if (this.#transfer !== null) this.forget();
    const difference = this.#options.differ.diff(this.#posted, snapshot);
    const basis = this.#posted === null ? "nothing" : "posted-before";
    this.#posted = snapshot;
    this.#transfer = { generation, basis, difference, index: 0 };
    this.#postNext(this.#transfer);
  }

  /** What was posted may not have got there, or not as it was meant: the next snapshot is sent whole. */
  forget(): void {
    this.#posted = null;
    this.#transfer = null;
  }

  #postNext(transfer: Transfer): void {
    // It was given up since.
    if (transfer !== this.#transfer) return;
    const { generation, basis, difference, index } = transfer;
    const bytes = difference.parts.bytesOf(index);
    const isLast = !difference.parts.has(index + 1);
    this.#options.post({ type: "snapshot-part", generation, index, isLast, basis, bytes });
    transfer.index += 1;
    if (isLast) this.#transfer = null;
    else (this.#options.later ?? setImmediate)(() => this.#postNext(transfer));
  }
}
