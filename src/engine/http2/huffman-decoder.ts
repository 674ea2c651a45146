// Reads strings in the code of RFC 7541 §5.2 and Appendix B, four bits a step, by a table that is made once.

/** Of the symbols 0 to 255 and the end of string, as `length` or `lengthxcount`: the code is canonical. */
const CODE_LENGTHS =
  "13 23 28x7 24 30 28x2 30 28x8 30 28x9 6 10x2 12 13 6 8 11 10x2 8 11 8 6x3 5x3 6x7 7 8 15 6 12 10 13 6 7x22 8 7 8 13 " +
  "19 13 14 6 15 5 6 5 6 5 6x3 5 7x2 6x3 5 6 7 6 5x2 6 7x5 15 11 14 13 28 20 22 20x2 22x3 23 22 23x5 24 23 24x2 22 23 " +
  "24 23x4 21 22 23 22 23x2 24 22 21 20 22x2 23x2 21 23 22x2 24 21 22 23x2 21x2 22 21 23 22 23x2 20 22x3 23 22x2 23 " +
  "26x2 20 19 22 23 22 25 26x3 27x2 26 24 25 19 21 26 27x2 26 27 24 21x2 26x2 28 27x3 20 24 20 21 22 21x2 23 22x2 25x2 " +
  "24x2 26 23 26 27 26x2 27x5 28 27x5 26 30";
const END_OF_STRING = 256;
/** Padding is the beginning of the end of string, and shorter than a byte. */
const MAX_PADDING_BITS = 7;

/** Fields of a step: the next node in bits 0 to 8, a symbol in 9 to 16, and what happened. */
const SYMBOL_SHIFT = 9;
const NODE_MASK = 0x1ff;
const EMITS = 1 << 17;
const FAILS = 1 << 18;

/** Children of the code tree's nodes: a node's number, or `-1 - symbol`. */
const children: number[][] = [[0, 0]];
for (const { code, length, symbol } of canonicalCodes()) {
  let node = 0;
  for (let bit = length - 1; bit > 0; bit--) {
    const pair = children[node] as number[];
    const side = Math.floor(code / 2 ** bit) % 2;
    if (pair[side] === 0) {
      pair[side] = children.length;
      children.push([0, 0]);
    }
    node = pair[side] as number;
  }
  (children[node] as number[])[code % 2] = -1 - symbol;
}

/** By node and four bits. */
const steps = new Int32Array(children.length * 16);
for (let node = 0; node < children.length; node++) {
  for (let nibble = 0; nibble < 16; nibble++) steps[node * 16 + nibble] = walk(node, nibble);
}

/** 1 for nodes at which a string may end. */
const ends = new Uint8Array(children.length);
for (let bits = 0, node = 0; bits <= MAX_PADDING_BITS; bits++) {
  ends[node] = 1;
  node = (children[node] as number[])[1] as number;
}

let scratch: Buffer = Buffer.allocUnsafeSlow(4096);

/** The text, latin1, or null: it is not in this code. */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string | null {
  // The shortest code has five bits.
  const capacity = ((end - start) * 8) / 5;
  if (scratch.length < capacity) scratch = Buffer.allocUnsafeSlow(Math.ceil(capacity));
  const out = scratch;
  let length = 0;
  let node = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    let step = steps[node * 16 + (byte >> 4)] as number;
    if ((step & EMITS) !== 0) out[length++] = (step >> SYMBOL_SHIFT) & 0xff;
    if ((step & FAILS) !== 0) return null;
    step = steps[(step & NODE_MASK) * 16 + (byte & 15)] as number;
    if ((step & EMITS) !== 0) out[length++] = (step >> SYMBOL_SHIFT) & 0xff;
    if ((step & FAILS) !== 0) return null;
    node = step & NODE_MASK;
  }
  return ends[node] === 1 ? out.toString("latin1", 0, length) : null;
}

interface HuffmanCode {
  readonly code: number;
  readonly length: number;
  readonly symbol: number;
}

function canonicalCodes(): HuffmanCode[] {
  const lengths = CODE_LENGTHS.split(" ").flatMap((run) => {
    const [length, count] = run.split("x");
    return Array.from({ length: Number(count ?? 1) }, () => Number(length));
  });
  const ordered = lengths
    .map((length, symbol) => ({ length, symbol }))
    .toSorted((a, b) => a.length - b.length || a.symbol - b.symbol);
  const codes: HuffmanCode[] = [];
  let code = 0;
  let previous = 0;
  for (const { length, symbol } of ordered) {
    code *= 2 ** (length - previous);
    previous = length;
    codes.push({ code, length, symbol });
    code++;
  }
  return codes;
}

function walk(start: number, nibble: number): number {
  let node = start;
  let result = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = (children[node] as number[])[(nibble >> bit) & 1] as number;
    if (child >= 0) {
      node = child;
      continue;
    }
    const symbol = -1 - child;
    if (symbol === END_OF_STRING) return FAILS;
    result = EMITS | (symbol << SYMBOL_SHIFT);
    node = 0;
  }
  return result | node;
}
