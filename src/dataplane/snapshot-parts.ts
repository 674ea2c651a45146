// The parts of one patch as bytes, each written when it is first asked for, and once for all workers that need it.
import { serialize } from "node:v8";
import type { SnapshotPart, SnapshotPatch } from "./protocol.ts";
import { splitPatch } from "./snapshot-splitter.ts";

export class SnapshotParts {
  readonly #written: SharedArrayBuffer[] = [];
  readonly #rest: Iterator<SnapshotPart>;
  /** The part that is written next; null after the last. */
  #next: SnapshotPart | null;

  constructor(patch: SnapshotPatch, unitsPerPart: number) {
    this.#rest = splitPatch(patch, unitsPerPart);
    this.#next = this.#advance();
  }

  has(index: number): boolean {
    return index < this.#written.length || (index === this.#written.length && this.#next !== null);
  }

  /** @param index at most one more than any that was asked for before. */
  bytesOf(index: number): SharedArrayBuffer {
    const written = this.#written[index];
    if (written !== undefined) return written;
    if (index !== this.#written.length || this.#next === null) throw new RangeError(`there is no part ${index} yet`);
    const bytes = shared(serialize(this.#next));
    this.#written.push(bytes);
    this.#next = this.#advance();
    return bytes;
  }

  #advance(): SnapshotPart | null {
    const step = this.#rest.next();
    return step.done === true ? null : step.value;
  }
}

function shared(bytes: Uint8Array): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(bytes.byteLength);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}
