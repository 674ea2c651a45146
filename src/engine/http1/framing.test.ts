import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyDecoder } from "./framing.ts";

interface Decoded {
  readonly body: string;
  readonly decoder: BodyDecoder;
  /** Bytes that were not the body's. */
  readonly rest: string;
}

/** Decodes a chunked body that comes in the given pieces. */
function decode(pieces: readonly string[]): Decoded {
  const decoder = new BodyDecoder();
  decoder.startChunked();
  let body = "";
  let rest = "";
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, "latin1");
    const sink = { onBody: (chunk: Buffer) => void (body += chunk.toString("latin1")) };
    const end = decoder.decode(bytes, 0, bytes.length, sink);
    rest += piece.slice(end);
  }
  return { body, decoder, rest };
}

test("chunks are joined, extensions dropped, what follows is left alone", () => {
  const { body, decoder, rest } = decode([
    '5;name=value;other="quoted \\" ;value"\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET / HTTP/1.1',
  ]);
  assert.equal(body, "hello!");
  assert.equal(decoder.isDone, true);
  assert.equal(decoder.trailers, null);
  assert.equal(rest, "GET / HTTP/1.1");
});

test("trailers are read", () => {
  const { decoder } = decode(["0\r\nX-Checksum: abc\r\nB: c\r\n\r\n"]);
  assert.equal(decoder.isDone, true);
  assert.deepEqual(decoder.trailers?.toPairs(), ["X-Checksum", "abc", "B", "c"]);
});

const MALFORMED: readonly [string, string][] = [
  ["an empty size", "\r\nhello\r\n0\r\n\r\n"],
  ["a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a negative size", "-1\r\n"],
  ["a 0x prefix", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a space after the size", "5 \r\nhello\r\n0\r\n\r\n"],
  ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
  ["a bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"],
  ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["a bare CR after the size", "5\rhello\r\n0\r\n\r\n"],
  ["more data than the size", "5\r\nhello!\r\n0\r\n\r\n"],
  ["a bare LF after the data", "5\r\nhello\n0\r\n\r\n"],
  ["a size that overflows", "fffffffffffffffff\r\n"],
  ["endless zeros", `${"0".repeat(40)}\r\n\r\n`],
  ["an endless extension", `5;${"a".repeat(1000)}\r\n`],
  ["NUL in an extension", "5;\0\r\nhello\r\n0\r\n\r\n"],
  ["a trailer without a colon", "0\r\nnonsense\r\n\r\n"],
  ["a bare LF in a trailer", "0\r\nA: b\nC: d\r\n\r\n"],
  ["a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"],
  ["framing in a trailer", "0\r\nContent-Length: 5\r\n\r\n"],
  ["a space in an extension", "5; a=b\r\nhello\r\n0\r\n\r\n"],
  ["an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"],
  ["an open quote in an extension", '5;a="b\r\nhello\r\n0\r\n\r\n'],
  ["endless trailers", `0\r\n${"A: b\r\n".repeat(2000)}\r\n`],
];

for (const [name, text] of MALFORMED) {
  test(`a chunked body fails on ${name}`, () => {
    assert.equal(decode([text]).decoder.hasFailed, true);
    assert.equal(decode(Array.from(text)).decoder.hasFailed, true, "byte by byte");
  });
}

test("however a chunked body is cut, the result is the same", () => {
  const chunk = fc.string({ minLength: 1, maxLength: 40 }).map((text) => Buffer.from(text).toString("latin1"));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 6 }), fc.array(fc.nat(200), { maxLength: 8 }), (chunks, cuts) => {
      const wire = `${chunks.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`).join("")}0\r\nT: u\r\n\r\nREST`;
      const positions = [0, ...cuts.map((cut) => cut % wire.length).toSorted((a, b) => a - b), wire.length];
      const pieces = positions.slice(1).map((end, i) => wire.slice(positions[i], end));
      const { body, decoder, rest } = decode(pieces);
      assert.equal(body, chunks.join(""));
      assert.equal(decoder.isDone, true);
      assert.equal(rest, "REST");
    }),
  );
});

test("a body of fixed length ends where it ends", () => {
  const decoder = new BodyDecoder();
  decoder.startLength(5);
  let body = "";
  const bytes = Buffer.from("hello, next");
  const end = decoder.decode(bytes, 0, bytes.length, { onBody: (chunk) => void (body += chunk.toString()) });
  assert.equal(body, "hello");
  assert.equal(end, 5);
  assert.equal(decoder.isDone, true);
});
