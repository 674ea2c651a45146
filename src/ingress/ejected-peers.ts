// Peers of one upstream that could not be connected to, until when requests avoid them, and which request may look again.
// Knows no clock and no balancing: the caller says what time it is, and chooses among the others. However many there are,
// nothing but `peers` looks at more than a few of them.
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { Peer } from "../engine/upstream/peer.ts";

/** A pod that ended is gone from the endpoints within a moment, and looking again at one that starts costs nothing. */
const REFUSED_EJECTION_MS = 1_000;
/** Looking again costs one request its connect timeout; a lost node stays among the endpoints for most of a minute. */
const SILENT_EJECTION_MS = 10_000;

interface Ejection {
  readonly peer: Peer;
  readonly queue: EjectionQueue;
  /** When one request may try the peer. */
  dueAt: number;
  previous: Ejection | null;
  next: Ejection | null;
}

/** Ejections that last equally long, so that who came last is due last. */
class EjectionQueue {
  readonly ejectionMs: number;
  first: Ejection | null = null;
  #last: Ejection | null = null;

  constructor(ejectionMs: number) {
    this.ejectionMs = ejectionMs;
  }

  append(ejection: Ejection, now: number): void {
    ejection.dueAt = now + this.ejectionMs;
    ejection.previous = this.#last;
    ejection.next = null;
    if (this.#last === null) this.first = ejection;
    else this.#last.next = ejection;
    this.#last = ejection;
  }

  remove({ previous, next }: Ejection): void {
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
  }
}

export class EjectedPeers {
  readonly #ejections = new Map<Peer, Ejection>();
  readonly #refused = new EjectionQueue(REFUSED_EJECTION_MS);
  readonly #silent = new EjectionQueue(SILENT_EJECTION_MS);

  get size(): number {
    return this.#ejections.size;
  }

  /** A copy: the peers of it may be removed meanwhile. */
  get peers(): readonly Peer[] {
    return [...this.#ejections.keys()];
  }

  has(peer: Peer): boolean {
    return this.#ejections.has(peer);
  }

  /** @param now milliseconds, of any clock that never goes back. */
  add(peer: Peer, { type }: ProxyError, now: number): void {
    this.remove(peer);
    const queue = type === "connect-refused" ? this.#refused : this.#silent;
    const ejection: Ejection = { peer, queue, dueAt: 0, previous: null, next: null };
    queue.append(ejection, now);
    this.#ejections.set(peer, ejection);
  }

  /** @returns whether it was ejected. */
  remove(peer: Peer): boolean {
    const ejection = this.#ejections.get(peer);
    if (ejection === undefined) return false;
    ejection.queue.remove(ejection);
    return this.#ejections.delete(peer);
  }

  /** A peer that it is time to look at again. Others are not sent there until this one has told how it went, or is late. */
  takeDue(now: number): Peer | null {
    const first = earlier(this.#refused.first, this.#silent.first);
    return first === null || first.dueAt > now ? null : take(first, now);
  }

  /** For a request that has nowhere else to go: what is due next of those that it did not try, so that all have turns. */
  takeAny(tried: readonly Peer[], now: number): Peer | null {
    const next = earlier(firstOther(this.#refused.first, tried), firstOther(this.#silent.first, tried));
    return next === null ? null : take(next, now);
  }
}

function take(ejection: Ejection, now: number): Peer {
  const { queue, peer } = ejection;
  queue.remove(ejection);
  queue.append(ejection, now);
  return peer;
}

function earlier(a: Ejection | null, b: Ejection | null): Ejection | null {
  if (a === null || b === null) return a ?? b;
  return b.dueAt < a.dueAt ? b : a;
}

function firstOther(first: Ejection | null, tried: readonly Peer[]): Ejection | null {
  let ejection = first;
  while (ejection !== null && tried.includes(ejection.peer)) ejection = ejection.next;
  return ejection;
}
