// Checks the extensions of a chunk's size line byte by byte (RFC 9112 §7.1.1). They are dropped; the grammar is held to
// because a lenient reader and a strict one would find different ends of the line.
import { FIELD_VALUE, TOKEN } from "./char-class.ts";

const State = { nameStart: 0, name: 1, valueStart: 2, value: 3, quoted: 4, quotedPair: 5, afterQuoted: 6 } as const;
const EQUALS = 0x3d;
const SEMICOLON = 0x3b;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Reads what stands between the first semicolon and the line's CR. */
export class ChunkExtensionReader {
  #state: number = State.nameStart;

  /** After the first semicolon. */
  start(): void {
    this.#state = State.nameStart;
  }

  /** Whether the line may end here. */
  get isComplete(): boolean {
    return this.#state === State.name || this.#state === State.value || this.#state === State.afterQuoted;
  }

  /** False where the byte may not stand here. */
  accept(byte: number): boolean {
    const state = this.#state;
    if (state === State.quotedPair) {
      this.#state = State.quoted;
      return FIELD_VALUE[byte] === 1;
    }
    if (state === State.quoted) {
      if (byte === QUOTE) this.#state = State.afterQuoted;
      else if (byte === BACKSLASH) this.#state = State.quotedPair;
      return FIELD_VALUE[byte] === 1;
    }
    if (byte === SEMICOLON && this.isComplete) this.#state = State.nameStart;
    else if (byte === EQUALS && state === State.name) this.#state = State.valueStart;
    else if (byte === QUOTE && state === State.valueStart) this.#state = State.quoted;
    else if (TOKEN[byte] === 0 || state === State.afterQuoted) return false;
    else if (state === State.nameStart) this.#state = State.name;
    else if (state === State.valueStart) this.#state = State.value;
    return true;
  }
}
