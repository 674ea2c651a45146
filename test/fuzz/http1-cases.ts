// Makes requests that are nearly right: grammar first, then damage of the kinds that smuggling lives on.

/** A small generator of random numbers with a seed (mulberry32), so that a failure can be run again. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 ≤ result < limit. */
  roll(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.roll(items.length)] as T;
  }

  chance(percent: number): boolean {
    return this.roll(100) < percent;
  }
}

const METHODS = ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"];
const TARGETS = ["/", "/a/b?c=d", "/%2e%2e/x", "*", "http://a/x", "http://b/", "//a", "/a#b", "/\x80", "", "/ x"];
const VERSIONS = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 "];
const LINES = [
  "Host: a",
  "Host: b",
  "Host : a",
  "host:a",
  "Connection: close",
  "Connection: keep-alive, x-a",
  "Upgrade: websocket",
  "Expect: 100-continue",
  "X: y",
  " folded",
  "\tfolded",
  "X:",
  ": empty",
  "X\0: y",
  "X: a\rb",
  "X: \x7f",
  "X: \xff",
  "nocolon",
  "X_Forwarded_For: y",
  "x-a:\t b \t",
  "X-A: b: c",
];
const LENGTHS = [
  "5",
  "0",
  "05",
  "+5",
  "-1",
  "5, 5",
  "5,5",
  "",
  " 5 ",
  "0x5",
  "5\t",
  "99999999999999999999",
  "5 5",
  "1e1",
];
const CODINGS = [
  "chunked",
  "Chunked",
  " chunked ",
  "chunked, chunked",
  "gzip, chunked",
  "chunked, identity",
  "identity",
  "xchunked",
  "\x0bchunked",
  "chunked;x=1",
  "",
  "chunked\t",
];
const LENGTH_NAMES = ["Content-Length", "Content-Length", "content-length", "Content-Length ", "Content_Length"];
const CODING_NAMES = ["Transfer-Encoding", "Transfer-Encoding", "transfer-encoding", "Transfer-Encoding "];
const ENDS = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n"];
const CHUNK_SIZES = ["5", "5;x=y", "5 ", " 5", "05", "+5", "0x5", '5;"a\r\n"', "5\t", "fffffffffffffffff5", "5;a\nb"];

/** One to three requests, most of them damaged. */
export function makeCase(dice: Dice): Buffer {
  let text = "";
  for (let count = 1 + dice.roll(3); count > 0; count--) text += makeRequest(dice);
  return damage(text, dice);
}

/** Some bytes become others, and the end is cut off now and then. */
function damage(text: string, dice: Dice): Buffer {
  const bytes = Buffer.from(text, "latin1");
  for (let count = dice.chance(30) ? 1 + dice.roll(3) : 0; count > 0 && bytes.length > 0; count--) {
    bytes[dice.roll(bytes.length)] = dice.chance(50) ? dice.roll(256) : dice.pick([0, 9, 10, 13, 32, 44, 58]);
  }
  return dice.chance(10) ? bytes.subarray(0, dice.roll(bytes.length + 1)) : bytes;
}

/** One response, after informational ones now and then, and with bytes that belong to nothing behind it. */
export function makeResponseCase(dice: Dice): Buffer {
  let text = "";
  while (dice.chance(15)) text += makeResponse(dice, dice.pick(["100 Continue", "103 Early Hints", "102 P", "101 S"]));
  text += makeResponse(dice, dice.chance(80) ? "200 OK" : dice.pick(STATUSES));
  if (dice.chance(20)) text += makeResponse(dice, "200 OK");
  return damage(text, dice);
}

const STATUSES = [
  "204 No Content",
  "304 Not Modified",
  "404",
  "500 ",
  "200 \xe9\t!",
  "99 X",
  "1000 X",
  "+20 X",
  "200  OK",
];
const RESPONSE_VERSIONS = ["HTTP/1.0", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/0.9", "ICY", "HTTP/1.1 "];

function makeResponse(dice: Dice, status: string): string {
  const end = (): string => (dice.chance(90) ? "\r\n" : dice.pick(ENDS));
  const version = dice.chance(80) ? "HTTP/1.1" : dice.pick(RESPONSE_VERSIONS);
  let text = `${version} ${status}${end()}`;
  for (let lines = dice.roll(3); lines > 0; lines--) text += `${dice.chance(60) ? "X-A: b" : dice.pick(LINES)}${end()}`;
  text += makeFraming(dice, end);
  if (status.startsWith("1")) return text;
  return /\nTransfer-/i.test(text) ? text + makeChunks(dice, end) : `${text}hello`;
}

/** Content-Length, Transfer-Encoding, both or neither, and the empty line. */
function makeFraming(dice: Dice, end: () => string): string {
  const framing = dice.roll(10);
  let text = "";
  if (framing < 4) text += `${dice.pick(LENGTH_NAMES)}: ${dice.chance(60) ? "5" : dice.pick(LENGTHS)}${end()}`;
  if (framing >= 3 && framing < 8) {
    text += `${dice.pick(CODING_NAMES)}: ${dice.chance(60) ? "chunked" : dice.pick(CODINGS)}${end()}`;
  }
  if (dice.chance(5)) text += `Content-Length: 5${end()}`;
  return text + end();
}

function makeRequest(dice: Dice): string {
  const end = (): string => (dice.chance(90) ? "\r\n" : dice.pick(ENDS));
  const target = dice.chance(70) ? "/a" : dice.pick(TARGETS);
  const version = dice.chance(80) ? "HTTP/1.1" : dice.pick(VERSIONS);
  let text = `${dice.pick(METHODS)} ${target} ${version}${end()}`;
  if (dice.chance(90)) text += `Host: a${end()}`;
  for (let lines = dice.roll(3); lines > 0; lines--) text += `${dice.chance(60) ? "X-A: b" : dice.pick(LINES)}${end()}`;
  const framing = makeFraming(dice, end);
  text += framing;
  if (/^Transfer-|\nTransfer-/i.test(framing)) return text + makeChunks(dice, end);
  return /^Content/i.test(framing) ? `${text}hello` : text;
}

function makeChunks(dice: Dice, end: () => string): string {
  let text = "";
  for (let count = dice.roll(3); count > 0; count--) {
    text += `${dice.chance(75) ? "5" : dice.pick(CHUNK_SIZES)}${end()}hello${end()}`;
  }
  text += `${dice.chance(90) ? "0" : "00"}${end()}`;
  if (dice.chance(15)) text += `${dice.chance(70) ? "T: u" : dice.pick(LINES)}${end()}`;
  return text + end();
}
