// A socket that exists only in memory: what is fed comes out as reads, cut where a test says; what is written is gone.
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Dice } from "./http1-cases.ts";

export class MemorySocket extends Duplex {
  /** What was fed and not read yet; null is the end. */
  readonly #parts: (Buffer | null)[] = [];
  #isGiving = false;

  constructor() {
    super({ allowHalfOpen: true });
  }

  /** As the type that connections ask for; only the stream's part of it is used by them. */
  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  // node:http and our own connections ask their socket for these.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  destroySoon(): void {
    this.end(() => this.destroy());
  }
  resetAndDestroy(): this {
    return this.destroy();
  }

  override _read(): void {
    this.#giveSoon();
  }
  override resume(): this {
    super.resume();
    this.#giveSoon();
    return this;
  }
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }

  /** Gives the bytes in reads that end at `cuts` (ascending), then the end. */
  feed(bytes: Buffer, cuts: readonly number[] = []): void {
    let start = 0;
    for (const cut of [...cuts, bytes.length]) {
      if (cut > start) this.#parts.push(bytes.subarray(start, cut));
      start = cut;
    }
    this.#parts.push(null);
    this.#giveSoon();
  }

  /** One part a turn of the event loop, and none while paused: as a TCP socket reads. */
  #giveSoon(): void {
    if (this.#isGiving) return;
    this.#isGiving = true;
    setImmediate(() => {
      this.#isGiving = false;
      if (this.destroyed || this.isPaused() || this.#parts.length === 0) return;
      this.push(this.#parts.shift());
      if (this.#parts.length > 0) this.#giveSoon();
    });
  }
}

/** Places to cut bytes at: none, a few, or everywhere. */
export function chooseCuts(length: number, dice: Dice): number[] {
  if (length < 2) return [];
  if (dice.chance(10)) return Array.from({ length: length - 1 }, (_, index) => index + 1);
  const cuts = Array.from({ length: dice.roll(6) }, () => 1 + dice.roll(length - 1));
  return cuts.toSorted((a, b) => a - b);
}
