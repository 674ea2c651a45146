// Cuts a stream of bytes into lines of text. Bounded, and strict about UTF-8.
import { isUtf8 } from "node:buffer";

const NEWLINE = 0x0a;

/** What a stream may not hold: a line that is too long, or bytes that are no UTF-8. */
export class LineError extends Error {
  override readonly name = "LineError";
}

/** Takes chunks in, gives lines out; empty lines are left out. */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** True where the stream must not end here: a line has begun. */
  get isWithinLine(): boolean {
    return this.#bytes > 0;
  }

  /** @throws LineError; whatever came before the fault has been yielded. */
  *push(chunk: Buffer): Generator<string, void, void> {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, end));
      from = end + 1;
      if (this.#bytes > 0) yield this.#take();
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#maxLineBytes) {
      throw new LineError(`a line is longer than ${this.#maxLineBytes} bytes`);
    }
    this.#parts.push(part);
  }

  #take(): string {
    const [first] = this.#parts;
    const line = this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return decodeStrictly(line);
  }
}

/** @throws LineError where the bytes are no UTF-8. */
export function decodeStrictly(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new LineError("what was sent is not UTF-8");
  return bytes.toString("utf8");
}
