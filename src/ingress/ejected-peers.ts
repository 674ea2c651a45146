// Peers of one upstream that could not be connected to, until when requests avoid them, and which request may look again.
// Knows no clock and no balancing: the caller says what time it is, and chooses among the others.
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { Peer } from "../engine/upstream/peer.ts";

/** A pod that ended is gone from the endpoints within a moment, and looking again at one that starts costs nothing. */
const REFUSED_EJECTION_MS = 1_000;
/** Looking again costs one request its connect timeout; a lost node stays among the endpoints for most of a minute. */
const SILENT_EJECTION_MS = 10_000;

interface Ejection {
  readonly ejectionMs: number;
  /** When one request may try the peer. */
  dueAt: number;
}

export class EjectedPeers {
  /** The one that was tried longest ago comes first. */
  readonly #ejections = new Map<Peer, Ejection>();

  get size(): number {
    return this.#ejections.size;
  }

  has(peer: Peer): boolean {
    return this.#ejections.has(peer);
  }

  /** @param now milliseconds, of any clock that never goes back. */
  add(peer: Peer, { type }: ProxyError, now: number): void {
    const ejectionMs = type === "connect-refused" ? REFUSED_EJECTION_MS : SILENT_EJECTION_MS;
    this.#ejections.delete(peer);
    this.#ejections.set(peer, { ejectionMs, dueAt: now + ejectionMs });
  }

  /** @returns whether it was ejected. */
  remove(peer: Peer): boolean {
    return this.#ejections.delete(peer);
  }

  /** Forgets all that are not in the list. */
  retain(peers: readonly Peer[]): void {
    for (const peer of this.#ejections.keys()) {
      if (!peers.includes(peer)) this.#ejections.delete(peer);
    }
  }

  /** A peer that it is time to look at again. Others are not sent there until this one has told how it went, or is late. */
  takeDue(now: number): Peer | null {
    for (const [peer, ejection] of this.#ejections) {
      if (ejection.dueAt > now) continue;
      ejection.dueAt = now + ejection.ejectionMs;
      return peer;
    }
    return null;
  }

  /** For a request that has nowhere else to go: each in turn. */
  takeAny(tried: readonly Peer[]): Peer | null {
    for (const [peer, ejection] of this.#ejections) {
      if (tried.includes(peer)) continue;
      this.#ejections.delete(peer);
      this.#ejections.set(peer, ejection);
      return peer;
    }
    return null;
  }
}
