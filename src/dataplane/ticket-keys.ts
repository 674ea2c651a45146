// The key that TLS session tickets are sealed with: one for all workers, so that a client resumes on whichever worker the
// kernel gives it to, and a new one from time to time, so that a stolen key opens little.
import { randomBytes } from "node:crypto";
import type { Clock, ClockTimer } from "../lib/clock.ts";

/** What OpenSSL takes: 16 bytes of name, 16 of HMAC key, 16 of AES key. */
const TICKET_KEY_BYTES = 48;

/**
 * Node holds one key at a time, so a rotation turns resumptions of that moment into full handshakes. Tickets live five
 * minutes, hence twice a day costs next to nothing.
 */
const DEFAULT_ROTATION_MS = 12 * 3_600_000;

export interface TicketKeyOptions {
  readonly clock: Clock;
  /** The new keys, to be posted to every worker. */
  readonly onRotated: (keys: Uint8Array) => void;
  readonly rotationMs?: number;
}

export class TicketKeys {
  readonly #options: TicketKeyOptions;
  #current: Uint8Array = newKeys();
  #timer: ClockTimer | null = null;

  constructor(options: TicketKeyOptions) {
    this.#options = options;
  }

  /** 48 bytes; never the same array for two rotations. */
  get current(): Uint8Array {
    return this.#current;
  }

  start(): void {
    this.#timer = this.#options.clock.setTimer(() => this.#rotate(), this.#options.rotationMs ?? DEFAULT_ROTATION_MS);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #rotate(): void {
    this.#current = newKeys();
    this.#options.onRotated(this.#current);
    this.start();
  }
}

/** In memory of its own: small Buffers share a pool, and a clone would carry the whole pool along. */
function newKeys(): Uint8Array {
  return new Uint8Array(randomBytes(TICKET_KEY_BYTES));
}
