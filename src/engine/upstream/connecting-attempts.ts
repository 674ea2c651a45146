// Connections of one worker that are still being made, by the peer that they go to. Nothing was sent on any of them, so
// that each may be ended, and its request go elsewhere, whenever it turns out that the peer will not answer.
import type { Peer } from "./peer.ts";

/** A connection that is being made. */
export interface ConnectingAttempt {
  readonly peer: Peer;
  /** Ends it; who waits for it is told by an error of the type `connect-withdrawn`, and may start another attempt at once. */
  withdraw(): void;
}

export class ConnectingAttempts {
  readonly #attempts = new Map<Peer, Set<ConnectingAttempt>>();

  /** Peers that are being connected to now. Told apart by identity: two upstreams may share an address. A copy. */
  get peers(): readonly Peer[] {
    return [...this.#attempts.keys()];
  }

  get isEmpty(): boolean {
    return this.#attempts.size === 0;
  }

  /** How many connections to the peer are being made. */
  count(peer: Peer): number {
    return this.#attempts.get(peer)?.size ?? 0;
  }

  add(attempt: ConnectingAttempt): void {
    const ofPeer = this.#attempts.get(attempt.peer);
    if (ofPeer === undefined) this.#attempts.set(attempt.peer, new Set([attempt]));
    else ofPeer.add(attempt);
  }

  /** The connection is there, or will never be. */
  remove(attempt: ConnectingAttempt): void {
    const ofPeer = this.#attempts.get(attempt.peer);
    if (ofPeer !== undefined && ofPeer.delete(attempt) && ofPeer.size === 0) this.#attempts.delete(attempt.peer);
  }

  /** Withdraws attempts to the peer, those that began first before others; none that begins meanwhile. */
  withdraw(peer: Peer, limit: number = Number.POSITIVE_INFINITY): void {
    const ofPeer = this.#attempts.get(peer);
    if (ofPeer === undefined) return;
    for (const attempt of [...ofPeer].slice(0, limit)) attempt.withdraw();
  }
}
