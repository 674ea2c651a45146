// What one worker has been sent and has answered. At most one snapshot and one set of endpoints are under way; whatever
// becomes newer meanwhile waits, and only its newest state is sent.
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { WorkerLink } from "./worker-link.ts";

export interface NumberedSnapshot {
  /** From 1. */
  readonly generation: number;
  readonly snapshot: Snapshot;
}

/** Where a delivery finds what is newest when its turn comes. */
export interface DeliverySource {
  /** The snapshot that a worker should serve; null before the first. */
  readonly wanted: NumberedSnapshot | null;
  /** Counts publications of endpoints; what is read now includes all of them. */
  readonly endpointSequence: number;
  /** A snapshot as it goes out, with the newest endpoints in it. */
  fillIn(numbered: NumberedSnapshot): Snapshot;
  newestEndpoints(upstream: string): EndpointSet | null;
}

/** A worker reads so many in a few milliseconds. */
const MAX_ENDPOINTS_PER_MESSAGE = 5_000;

export class WorkerDelivery {
  readonly link: WorkerLink;
  readonly #source: DeliverySource;
  /** Generation that the worker serves; 0: none yet. */
  #served = 0;
  /** Generation that the worker refused last; 0: none. */
  #refused = 0;
  #snapshotUnderWay: NumberedSnapshot | null = null;
  /** Up to here the worker has all endpoints once it serves the snapshot under way. */
  #snapshotSequence = 0;
  /** Sequence of the endpoints under way; 0: none. */
  #endpointsUnderWay = 0;
  /** Whether the worker has all endpoints up to that sequence when it has these. */
  #isLastOfEndpoints = false;
  #servedSequence = 0;
  readonly #staleUpstreams = new Set<string>();

  constructor(link: WorkerLink, source: DeliverySource) {
    this.link = link;
    this.#source = source;
  }

  get served(): number {
    return this.#served;
  }

  /** Whether the worker has said yes or no to a generation, or to a newer one. */
  hasAnswered(generation: number): boolean {
    return Math.max(this.#served, this.#refused) >= generation;
  }

  /** Whether the worker balances over everything that was published up to `sequence`. */
  hasEndpoints(sequence: number): boolean {
    return this.#servedSequence >= sequence;
  }

  /** These upstreams have newer endpoints than the worker was sent. */
  markStale(upstreams: Iterable<string>): void {
    for (const upstream of upstreams) this.#staleUpstreams.add(upstream);
  }

  /** Sends what is newest, as far as the worker's answers allow. */
  pump(): void {
    this.#pumpSnapshot();
    this.#pumpEndpoints();
  }

  /** @returns the snapshot that the worker serves now; null for an answer to something that is not under way. */
  acknowledge(generation: number): NumberedSnapshot | null {
    const snapshot = this.#snapshotUnderWay;
    if (generation !== snapshot?.generation) return null;
    this.#snapshotUnderWay = null;
    this.#served = generation;
    this.#servedSequence = Math.max(this.#servedSequence, this.#snapshotSequence);
    return snapshot;
  }

  /** @returns false for an answer to something that is not under way. */
  refuse(generation: number): boolean {
    if (generation !== this.#snapshotUnderWay?.generation) return false;
    this.#snapshotUnderWay = null;
    this.#refused = generation;
    return true;
  }

  acknowledgeEndpoints(sequence: number): void {
    if (sequence !== this.#endpointsUnderWay) return;
    this.#endpointsUnderWay = 0;
    if (!this.#isLastOfEndpoints) return;
    // They took effect at once, but those of before came with the snapshot, which is yet to be served.
    if (this.#snapshotUnderWay === null) this.#servedSequence = Math.max(this.#servedSequence, sequence);
    else this.#snapshotSequence = Math.max(this.#snapshotSequence, sequence);
  }

  #pumpSnapshot(): void {
    const { wanted, endpointSequence } = this.#source;
    if (wanted === null || this.#snapshotUnderWay !== null) return;
    if (wanted.generation === this.#served || wanted.generation === this.#refused) return;
    this.#snapshotUnderWay = wanted;
    this.#snapshotSequence = endpointSequence;
    // The snapshot brings the newest endpoints along; sending them once more could only be late.
    this.#staleUpstreams.clear();
    this.link.post({ type: "snapshot", generation: wanted.generation, snapshot: this.#source.fillIn(wanted) });
  }

  #pumpEndpoints(): void {
    const hasSnapshot = this.#served !== 0 || this.#snapshotUnderWay !== null;
    if (!hasSnapshot || this.#endpointsUnderWay !== 0 || this.#staleUpstreams.size === 0) return;
    const changed = this.#takeStale();
    this.#endpointsUnderWay = this.#source.endpointSequence;
    this.#isLastOfEndpoints = this.#staleUpstreams.size === 0;
    this.link.post({ type: "endpoints", sequence: this.#endpointsUnderWay, changed });
  }

  /** The newest endpoints of stale upstreams, as many as may go out together; the others wait for the answer. */
  #takeStale(): readonly EndpointSet[] {
    const changed: EndpointSet[] = [];
    let count = 0;
    for (const upstream of this.#staleUpstreams) {
      const set = this.#source.newestEndpoints(upstream);
      if (set !== null && count > 0 && count + set.endpoints.length > MAX_ENDPOINTS_PER_MESSAGE) break;
      this.#staleUpstreams.delete(upstream);
      if (set === null) continue;
      changed.push(set);
      count += 1 + set.endpoints.length;
    }
    return changed;
  }
}
