import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { base64Error, joinBase64Lines } from "./base64-rules.ts";

/** The offsets are those of Go's encoding/base64. */
const CASES: readonly (readonly [string, number | null])[] = [
  ["", null],
  ["YQ==", null],
  ["YWI=", null],
  ["YWJj", null],
  ["YW\nJj\r\n", null],
  ["YQ=\n=\n", null],
  ["YQ", 0],
  ["YWJjYQ", 4],
  ["YQ=", 3],
  ["YQ=x", 2],
  ["YQ==x", 4],
  ["YWI=YWI=", 4],
  ["=", 0],
  ["Y===", 1],
  ["YW-_", 2],
  ["YW J", 2],
  ["ÄÖ", 0],
];

for (const [text, offset] of CASES) {
  test(`${JSON.stringify(text)} is ${offset === null ? "base64" : `illegal at byte ${offset}`}`, () => {
    assert.equal(base64Error(text), offset === null ? null : `illegal base64 data at input byte ${offset}`);
  });
}

test("whatever was encoded is accepted, and means the same without its line breaks", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(), (bytes, cut) => {
      const text = Buffer.from(bytes).toString("base64");
      const at = text.length === 0 ? 0 : cut % text.length;
      const broken = `${text.slice(0, at)}\n${text.slice(at)}`;
      assert.equal(base64Error(broken), null);
      assert.equal(joinBase64Lines(broken), text);
    }),
  );
});
