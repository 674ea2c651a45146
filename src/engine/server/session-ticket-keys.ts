// The keys that TLS session tickets of one worker are sealed with. They come from outside, so that a client resumes its
// session on whichever worker it meets; contexts follow when the keys change.
import { randomBytes } from "node:crypto";

/** What OpenSSL takes: 16 bytes of name, 16 of HMAC key, 16 of AES key. */
const TICKET_KEY_BYTES = 48;

export class SessionTicketKeys {
  #current: Buffer;
  #version = 1;

  /** @param keys 48 bytes; new random ones where none are given. Throws a TypeError for any other length. */
  constructor(keys: Uint8Array = randomBytes(TICKET_KEY_BYTES)) {
    this.#current = checkedCopy(keys);
  }

  get current(): Buffer {
    return this.#current;
  }

  /** Differs after every change. */
  get version(): number {
    return this.#version;
  }

  /**
   * Seals and opens tickets with `keys` from the next handshake on. OpenSSL holds one key set a context: a client with an
   * older ticket makes one full handshake.
   */
  replace(keys: Uint8Array): void {
    this.#current = checkedCopy(keys);
    this.#version++;
  }
}

function checkedCopy(keys: Uint8Array): Buffer {
  if (keys.length !== TICKET_KEY_BYTES) throw new TypeError(`ticket keys have ${TICKET_KEY_BYTES} bytes`);
  return Buffer.from(keys);
}
