import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HpackDecoder } from "./hpack-decoder.ts";
import { EMPTY_TABLE_UPDATE, encodeName, encodeStatus, encodeString } from "./hpack-encoder.ts";

function decode(text: string): string[] {
  const hpack = new HpackDecoder({ maxListBytes: 1024 * 1024, maxLines: 1000 });
  const bytes = Buffer.from(text, "latin1");
  assert.ok(hpack.decode(bytes, 0, bytes.length));
  return hpack.lines;
}

test("each status comes out as it went in", () => {
  for (let status = 100; status < 1000; status++) {
    assert.deepEqual(decode(EMPTY_TABLE_UPDATE + encodeStatus(status)), [":status", String(status)]);
  }
  assert.equal(encodeStatus(200).length, 1);
});

test("names in any case and values of any length come out in lower case and whole", () => {
  const name = fc.stringMatching(/^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,80}$/);
  const value = fc.oneof(
    fc.stringMatching(/^[\x21-\x7e\x80-\xff]{0,40}$/),
    fc.integer({ min: 100, max: 40_000 }).map((length) => "v".repeat(length)),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (lines) => {
      const block = lines.map(([key, text]) => encodeName(key) + encodeString(text)).join("");
      assert.deepEqual(
        decode(block),
        lines.flatMap(([key, text]) => [key.toLowerCase(), text]),
      );
    }),
    { numRuns: 300 },
  );
});

test("what is no name is not encoded, nor are pseudo-headers", () => {
  for (const name of ["", "a b", "a\n", "\u00e9", ":status", "a:b"]) assert.equal(encodeName(name), "");
});

test("cookies that are set are never indexed, on the way on either", () => {
  assert.equal(encodeName("Set-Cookie").charCodeAt(0) & 0xf0, 0x10);
  assert.equal(encodeName("Authorization").charCodeAt(0) & 0xf0, 0x10);
  assert.equal(encodeName("Date").charCodeAt(0) & 0xf0, 0x00);
});
