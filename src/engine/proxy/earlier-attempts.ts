// Attempts of one request that still connect although a later one has begun, since they are slow. Of all attempts the
// first that has its connection gets the request, and the others end before they were sent a byte.
import { outpacedError } from "../upstream/connect-error.ts";
import type { Peer } from "../upstream/peer.ts";
import type { ProxyError } from "./proxy-error.ts";
import type { UpstreamStream } from "./upstream-stream.ts";

/** One of them; `startedAt` on the clock of `performance.now()`. */
export interface EarlierAttempt {
  readonly stream: UpstreamStream;
  readonly startedAt: number;
}

export class EarlierAttempts {
  /** In the order in which they began; at most as many as a request may have attempts. */
  readonly #attempts: EarlierAttempt[] = [];
  readonly #onAbandoned: (peer: Peer, error: ProxyError) => void;

  /** @param onAbandoned learns of each that failed, or had more time than the one that has its connection. */
  constructor(onAbandoned: (peer: Peer, error: ProxyError) => void) {
    this.#onAbandoned = onAbandoned;
  }

  push(attempt: EarlierAttempt): void {
    this.#attempts.push(attempt);
  }

  /** Takes out the one that began last; null where there is none. */
  takeLast(): EarlierAttempt | null {
    return this.#attempts.pop() ?? null;
  }

  /** Takes out the one on a stream; null where it is not among them. */
  take(stream: UpstreamStream): EarlierAttempt | null {
    const index = this.#attempts.findIndex((attempt) => attempt.stream === stream);
    return index === -1 ? null : (this.#attempts.splice(index, 1)[0] ?? null);
  }

  /** The attempt on a stream, if it is one of these, ended by itself. */
  fail(stream: UpstreamStream, error: ProxyError): void {
    if (this.take(stream) !== null) this.#abandon(stream.peer, error);
  }

  /** Ends all, since one that began at `startedAt` has its connection. */
  lose(startedAt: number): void {
    const lost = this.abort();
    for (const attempt of lost) {
      const { peer } = attempt.stream;
      // One that began later had less time: that it has no connection yet says nothing of its peer.
      if (attempt.startedAt < startedAt) this.#abandon(peer, outpacedError(peer));
    }
  }

  /** Ends all. */
  abort(): readonly EarlierAttempt[] {
    const ended = this.#attempts.splice(0);
    for (const { stream } of ended) stream.abort();
    return ended;
  }

  #abandon(peer: Peer, error: ProxyError): void {
    try {
      this.#onAbandoned(peer, error);
    } catch (thrown) {
      process.emitWarning(`the attemptAbandoned phase failed: ${String(thrown)}`);
    }
  }
}
