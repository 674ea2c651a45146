// Windows (RFC 9113 §5.2, §6.9): how much may be sent, and how much a client may send ahead of its use. Both sides have
// one a connection and one a stream; which of them a byte counts for is the caller's business.
import { MAX_INT31 } from "./protocol.ts";

/** What the client lets us send. Negative after it made its initial window smaller (RFC 9113 §6.9.2). */
export class SendWindow {
  /** Bytes. */
  available: number;

  constructor(available: number) {
    this.available = available;
  }

  /** False: it would be larger than HTTP/2 allows; nothing was changed. */
  grow(increment: number): boolean {
    const next = this.available + increment;
    if (next > MAX_INT31) return false;
    this.available = next;
    return true;
  }

  take(bytes: number): void {
    this.available -= bytes;
  }
}

/** What we let the client send. It is told of room in large steps, and only of bytes that somebody took. */
export class ReceiveWindow {
  /** Bytes that the client may still send. */
  #available: number;
  /** Bytes that were taken since the client was last told. */
  #taken = 0;
  readonly #stepBytes: number;

  /** @param stepBytes so many bytes are taken before the client is told. */
  constructor(available: number, stepBytes: number) {
    this.#available = available;
    this.#stepBytes = stepBytes;
  }

  /** Bytes came. False: more than the client was allowed. */
  receive(bytes: number): boolean {
    this.#available -= bytes;
    return this.#available >= 0;
  }

  /** Bytes were taken. @returns the increment to send; 0: none yet. */
  release(bytes: number): number {
    this.#taken += bytes;
    if (this.#taken < this.#stepBytes) return 0;
    const increment = this.#taken;
    this.#taken = 0;
    this.#available += increment;
    return increment;
  }

  /** The client has heard of a window that is larger than the one that it began with. */
  widen(bytes: number): void {
    this.#available += bytes;
  }
}
