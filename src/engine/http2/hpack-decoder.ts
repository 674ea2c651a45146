// Reads header blocks (RFC 7541). One a connection: blocks change its table, so that each is read to its end, however
// large its fields turn out to be. Everything a block can make it hold is bounded.
import { type HpackEntry, makeEntry, STATIC_TABLE, STATIC_TABLE_LENGTH } from "./hpack-static-table.ts";
import { decodeHuffman } from "./huffman-decoder.ts";

/** Bytes of the dynamic table: what SETTINGS_HEADER_TABLE_SIZE says unless it is sent, which we don't. */
const MAX_TABLE_BYTES = 4096;
/** As many as the smallest entries that fit; a power of two. */
const RING_LENGTH = 128;
/** Bytes of a number after its prefix: enough for 2^28, far above any length that a block can have. */
const MAX_NUMBER_BYTES = 4;

export interface HeaderListLimits {
  /** Bytes of names and values, and 32 for each line (RFC 9113 §6.5.2). */
  readonly maxListBytes: number;
  readonly maxLines: number;
}

export class HpackDecoder {
  readonly #limits: HeaderListLimits;
  /** The last block's fields, flat: name, value, name, value… */
  lines: string[] = [];
  /** A name or value has characters that HTTP/2 does not allow. */
  isMalformed = false;
  /** The block has more than the limits allow; `lines` stops there. */
  isTooLarge = false;

  #listBytes = 0;
  /** Entries of the dynamic table; null until there is one. */
  #ring: (HpackEntry | null)[] | null = null;
  #newest = 0;
  #count = 0;
  #tableBytes = 0;
  #maxTableBytes = MAX_TABLE_BYTES;
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;
  #hasFailed = false;

  constructor(limits: HeaderListLimits) {
    this.#limits = limits;
  }

  /** Reads a whole block. False: it is not HPACK, and the connection cannot go on (RFC 9113 §4.3). */
  decode(bytes: Buffer, start: number, end: number): boolean {
    this.lines = [];
    this.isMalformed = false;
    this.isTooLarge = false;
    this.#listBytes = 0;
    this.#hasFailed = false;
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    let mayResize = true;
    while (this.#position < end && !this.#hasFailed) {
      const first = bytes[this.#position] as number;
      if (first >= 0x80) this.#readIndexed();
      else if (first >= 0x40) this.#readLiteral(0x3f, true);
      else if (first < 0x20) this.#readLiteral(0x0f, false);
      else if (mayResize) {
        this.#readResize();
        continue;
      } else this.#hasFailed = true;
      mayResize = false;
    }
    return !this.#hasFailed;
  }

  #readIndexed(): void {
    const entry = this.#entry(this.#readNumber(0x7f));
    if (entry !== null) this.#emit(entry);
  }

  #readLiteral(mask: number, isIndexed: boolean): void {
    const index = this.#readNumber(mask);
    let name: string | null;
    if (index === 0) name = this.#readString();
    else name = this.#entry(index)?.name ?? null;
    if (name === null || this.#hasFailed) return;
    const value = this.#readString();
    if (value === null) return;
    const entry = makeEntry(name, value);
    if (isIndexed) this.#insert(entry);
    this.#emit(entry);
  }

  #readResize(): void {
    const size = this.#readNumber(0x1f);
    if (size > MAX_TABLE_BYTES) this.#hasFailed = true;
    if (this.#hasFailed) return;
    this.#maxTableBytes = size;
    this.#evict(size);
  }

  #emit(entry: HpackEntry): void {
    const { maxListBytes, maxLines } = this.#limits;
    this.#listBytes += entry.size;
    if (this.#listBytes > maxListBytes || this.lines.length >= maxLines * 2) {
      this.isTooLarge = true;
      return;
    }
    if (!entry.isValid) this.isMalformed = true;
    this.lines.push(entry.name, entry.value);
  }

  /** RFC 7541 §5.1; 0 after a failure. */
  #readNumber(mask: number): number {
    const bytes = this.#bytes;
    let value = (bytes[this.#position++] as number) & mask;
    if (value < mask) return value;
    for (let i = 0; i < MAX_NUMBER_BYTES; i++) {
      if (this.#position >= this.#end) break;
      const byte = bytes[this.#position++] as number;
      value += (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    this.#hasFailed = true;
    return 0;
  }

  /** RFC 7541 §5.2; null after a failure. */
  #readString(): string | null {
    if (this.#position >= this.#end) return this.#fail();
    const isHuffman = (this.#bytes[this.#position] as number) >= 0x80;
    const length = this.#readNumber(0x7f);
    const start = this.#position;
    if (this.#hasFailed || length > this.#end - start) return this.#fail();
    this.#position = start + length;
    if (!isHuffman) return this.#bytes.toString("latin1", start, start + length);
    return decodeHuffman(this.#bytes, start, start + length) ?? this.#fail();
  }

  #entry(index: number): HpackEntry | null {
    if (index > 0 && index <= STATIC_TABLE_LENGTH) return STATIC_TABLE[index] as HpackEntry;
    const dynamic = index - STATIC_TABLE_LENGTH - 1;
    if (index === 0 || dynamic >= this.#count || this.#ring === null) return this.#fail();
    return this.#ring[(this.#newest + dynamic) % RING_LENGTH] as HpackEntry;
  }

  #insert(entry: HpackEntry): void {
    this.#evict(this.#maxTableBytes - entry.size);
    // RFC 7541 §4.4: what is larger than the table empties it, and is no error.
    if (entry.size > this.#maxTableBytes) return;
    this.#ring ??= Array.from({ length: RING_LENGTH }, () => null);
    this.#newest = (this.#newest + RING_LENGTH - 1) % RING_LENGTH;
    this.#ring[this.#newest] = entry;
    this.#count++;
    this.#tableBytes += entry.size;
  }

  #evict(maxBytes: number): void {
    while (this.#tableBytes > maxBytes && this.#count > 0 && this.#ring !== null) {
      this.#count--;
      const oldest = (this.#newest + this.#count) % RING_LENGTH;
      this.#tableBytes -= (this.#ring[oldest] as HpackEntry).size;
      this.#ring[oldest] = null;
    }
  }

  #fail(): null {
    this.#hasFailed = true;
    return null;
  }
}
