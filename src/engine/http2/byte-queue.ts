// Bytes that wait, in order: copies in few blocks, however small the parts are that they come in. Who uses it bounds
// how many bytes may wait; a byte costs about two at worst.

const MIN_BLOCK_BYTES = 512;
const MAX_BLOCK_BYTES = 16_384;

export class ByteQueue {
  #blocks: Buffer[] = [];
  /** Index of the block that is read. */
  #first = 0;
  #readOffset = 0;
  /** Bytes used of the last block. */
  #writeOffset = 0;
  #nextBlockBytes = MIN_BLOCK_BYTES;
  /** Bytes that wait. */
  length = 0;

  /** Copies bytes from `start` on to the end. */
  push(bytes: Buffer, start: number, end: number): void {
    this.length += end - start;
    let position = start;
    const last = this.#blocks.length === 0 ? null : (this.#blocks[this.#blocks.length - 1] as Buffer);
    if (last !== null && this.#writeOffset < last.length) {
      const copied = bytes.copy(last, this.#writeOffset, position, end);
      this.#writeOffset += copied;
      position += copied;
    }
    if (position === end) return;
    const block = Buffer.allocUnsafe(Math.max(end - position, this.#nextBlockBytes));
    this.#nextBlockBytes = Math.min(this.#nextBlockBytes * 2, MAX_BLOCK_BYTES);
    this.#writeOffset = bytes.copy(block, 0, position, end);
    this.#blocks.push(block);
  }

  /** Takes what lies in one piece, up to `max` bytes; the caller's from now on. Not to be called while empty. */
  shift(max: number): Buffer {
    const block = this.#blocks[this.#first] as Buffer;
    const isLast = this.#first === this.#blocks.length - 1;
    const blockEnd = isLast ? this.#writeOffset : block.length;
    const end = Math.min(blockEnd, this.#readOffset + max);
    const bytes = block.subarray(this.#readOffset, end);
    this.length -= bytes.length;
    this.#readOffset = end;
    if (end < blockEnd) return bytes;
    if (isLast) this.clear();
    else {
      this.#readOffset = 0;
      this.#first++;
      if (this.#first >= 32) {
        this.#blocks = this.#blocks.slice(this.#first);
        this.#first = 0;
      }
    }
    return bytes;
  }

  clear(): void {
    this.length = 0;
    this.#blocks = [];
    this.#first = 0;
    this.#readOffset = 0;
    this.#writeOffset = 0;
    this.#nextBlockBytes = MIN_BLOCK_BYTES;
  }
}
