// Where a connection's bytes are read into. Node's default gives every read 64 KiB of fresh memory; here all connections
// of a worker share one buffer, and a connection that brings large bodies gets a buffer of its own, re-used while the
// other side takes everything at once. Measured in bench/micro/socket-reader.ts.
import { COPY_BYTES } from "./copy-bytes.ts";

/** A large power of two and the head before it fit in one read. */
export const READ_BUFFER_BYTES: number = 80 * 1024;
const PATIENCE = 16;

const shared = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

/** Who takes the bytes. */
export interface ReadTarget {
  /** The bytes are valid during the call; those that `holdsReadBuffer` speaks of also after it. */
  onRead(bytes: Buffer): void;
  /** Whether memory of the last read still waits to be written somewhere. */
  readonly holdsReadBuffer: boolean;
}

/** Passed to `net.connect` and `tls.connect` as `onread`. */
export interface OnReadOptions {
  readonly buffer: () => Buffer;
  readonly callback: (bytesRead: number, buffer: Uint8Array) => boolean;
}

export class SocketReader {
  readonly options: OnReadOptions;
  #target: ReadTarget | null = null;
  /** The buffer of its own, while a large body comes in. */
  #own: Buffer | null = null;
  /** Small reads in a row that it takes until the own buffer is given up. */
  #smallReadsLeft = 0;

  constructor() {
    this.options = {
      buffer: () => this.nextBuffer(),
      callback: (bytesRead, buffer) => {
        this.deliver(bytesRead, buffer as Buffer);
        return true;
      },
    };
  }

  attach(target: ReadTarget): void {
    this.#target = target;
  }

  /** @param buffer what `nextBuffer` gave, with that many bytes read into it. */
  deliver(bytesRead: number, buffer: Buffer): void {
    const isLarge = bytesRead > COPY_BYTES;
    if (isLarge) this.#smallReadsLeft = PATIENCE;
    else if (this.#smallReadsLeft > 0) this.#smallReadsLeft--;
    const target = this.#target;
    if (target === null) return;
    const bytes = buffer.subarray(0, bytesRead);
    // Memory that everyone reads into cannot wait for a slow client.
    if (isLarge && buffer === shared) target.onRead(Buffer.from(bytes));
    else {
      target.onRead(bytes);
      if (isLarge && target.holdsReadBuffer) this.#own = null;
    }
  }

  /** Where the next read goes. */
  nextBuffer(): Buffer {
    if (this.#smallReadsLeft === 0) {
      this.#own = null;
      return shared;
    }
    this.#own ??= Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
    return this.#own;
  }
}
