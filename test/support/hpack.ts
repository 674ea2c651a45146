// HPACK (RFC 7541) as far as a raw test client needs it: an encoder that indexes nothing unless told to, so that every
// byte of a test's header block is the test's own, and a whole decoder for what the server answers.

export type HeaderPair = readonly [name: string, value: string];

/** RFC 7541 Appendix A, index 1 first. */
const STATIC_TABLE: readonly HeaderPair[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  ...["200", "204", "206", "304", "400", "404", "500"].map((status): HeaderPair => [":status", status]),
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ..."accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control content-disposition content-encoding content-language content-length content-location content-range content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate"
    .split(" ")
    .map((name): HeaderPair => [name, ""]),
];

/**
 * Bits of the code of each symbol, 0 to 255 and the end of string, as `length` or `lengthxcount`. The code of RFC 7541
 * Appendix B is canonical, so that the lengths say everything.
 */
const CODE_LENGTHS =
  "13 23 28x7 24 30 28x2 30 28x8 30 28x9 6 10x2 12 13 6 8 11 10x2 8 11 8 6x3 5x3 6x7 7 8 15 6 12 10 13 6 7x22 8 7 8 13 " +
  "19 13 14 6 15 5 6 5 6 5 6x3 5 7x2 6x3 5 6 7 6 5x2 6 7x5 15 11 14 13 28 20 22 20x2 22x3 23 22 23x5 24 23 24x2 22 23 " +
  "24 23x4 21 22 23 22 23x2 24 22 21 20 22x2 23x2 21 23 22x2 24 21 22 23x2 21x2 22 21 23 22 23x2 20 22x3 23 22x2 23 " +
  "26x2 20 19 22 23 22 25 26x3 27x2 26 24 25 19 21 26 27x2 26 27 24 21x2 26x2 28 27x3 20 24 20 21 22 21x2 23 22x2 25x2 " +
  "24x2 26 23 26 27 26x2 27x5 28 27x5 26 30";

/** Symbol by `length:code`. */
const symbolByCode = new Map<string, number>();
{
  const lengths: number[] = [];
  for (const run of CODE_LENGTHS.split(" ")) {
    const [length, count] = run.split("x");
    for (let i = 0; i < Number(count ?? 1); i++) lengths.push(Number(length));
  }
  const symbols = lengths
    .map((length, symbol) => ({ length, symbol }))
    .toSorted((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let previous = (symbols[0] as { length: number }).length;
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - previous);
    previous = length;
    symbolByCode.set(`${length}:${code}`, symbol);
    code++;
  }
}

function decodeHuffman(bytes: Buffer): string {
  const symbols: number[] = [];
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      length++;
      const symbol = symbolByCode.get(`${length}:${code}`);
      if (symbol === undefined) continue;
      symbols.push(symbol);
      code = 0;
      length = 0;
    }
  }
  return Buffer.from(symbols).toString("latin1");
}

function encodeInteger(value: number, prefixBits: number, flags: number): Buffer {
  const limit = 2 ** prefixBits - 1;
  if (value < limit) return Buffer.from([flags | value]);
  const bytes = [flags | limit];
  let rest = value - limit;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([encodeInteger(bytes.length, 7, 0), bytes]);
}

/** Each line as a literal without indexing, neither name nor value compressed or checked. */
export function encodeHeaders(pairs: readonly HeaderPair[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => [Buffer.from([0x00]), encodeString(name), encodeString(value)]),
  );
}

/** A line as a literal that enters the dynamic table. */
export function encodeIndexedLiteral(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), encodeString(name), encodeString(value)]);
}

/** A reference to the newest entry of the dynamic table: one byte that stands for a whole line. */
export const NEWEST_ENTRY: Buffer = Buffer.from([0x80 | 62]);

/** Decodes the header blocks of one connection, in order. */
export class HpackDecoder {
  readonly #dynamic: HeaderPair[] = [];
  #size = 0;
  #maxSize = 4096;
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;

  decode(block: Buffer): HeaderPair[] {
    this.#bytes = block;
    this.#position = 0;
    const pairs: HeaderPair[] = [];
    while (this.#position < block.length) {
      const first = block[this.#position] as number;
      if (first >= 0x80) pairs.push(this.#entry(this.#integer(7)));
      else if (first >= 0x40) {
        const pair = this.#literal(6);
        this.#insert(pair);
        pairs.push(pair);
      } else if (first >= 0x20) {
        this.#maxSize = this.#integer(5);
        this.#evict();
      } else pairs.push(this.#literal(4));
    }
    return pairs;
  }

  #literal(prefixBits: number): HeaderPair {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #integer(prefixBits: number): number {
    const limit = 2 ** prefixBits - 1;
    let value = (this.#bytes[this.#position++] as number) & limit;
    if (value < limit) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#position++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  #string(): string {
    const isHuffman = (this.#bytes[this.#position] as number) >= 128;
    const length = this.#integer(7);
    const bytes = this.#bytes.subarray(this.#position, this.#position + length);
    this.#position += length;
    return isHuffman ? decodeHuffman(bytes) : bytes.toString("latin1");
  }

  #entry(index: number): HeaderPair {
    const pair =
      index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#dynamic[index - STATIC_TABLE.length - 1];
    if (pair === undefined) throw new Error(`no entry ${index} in the HPACK tables`);
    return pair;
  }

  #insert(pair: HeaderPair): void {
    this.#dynamic.unshift(pair);
    this.#size += sizeOf(pair);
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#maxSize) this.#size -= sizeOf(this.#dynamic.pop() as HeaderPair);
  }
}

function sizeOf([name, value]: HeaderPair): number {
  return name.length + value.length + 32;
}
