import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeText } from "./decode-text.ts";
import { DocumentError } from "./parsed-document.ts";

function refusal(bytes: Uint8Array | string): { line: number; message: string } {
  try {
    decodeText(Buffer.from(bytes as string));
  } catch (error) {
    assert.ok(error instanceof DocumentError);
    return { line: error.line, message: error.message };
  }
  throw new assert.AssertionError({ message: "the bytes were accepted" });
}

test("UTF-8 is read, with or without a byte order mark", () => {
  assert.equal(decodeText(Buffer.from("a: bücher 🚰\n")), "a: bücher 🚰\n");
  assert.equal(decodeText(Buffer.from("\ufeffa: b")), "a: b");
});

test("other encodings are refused at their first line", () => {
  assert.deepEqual(refusal(Buffer.concat([Buffer.from("a: b\nc: d\ne: "), Buffer.from([0xfc])])), {
    line: 3,
    message: "not valid UTF-8",
  });
  assert.equal(refusal(Buffer.from("a: b", "utf16le")).message, "control characters are not allowed (found 0x00)");
  // A surrogate in UTF-8 (CESU-8), an overlong slash.
  assert.equal(refusal(Buffer.from([0xed, 0xa0, 0x80])).message, "not valid UTF-8");
  assert.equal(refusal(Buffer.from([0xc0, 0xaf])).message, "not valid UTF-8");
});

test("control characters are refused where they stand; tabs and line breaks are none", () => {
  assert.deepEqual(refusal("a: b\nc: \u0000"), { line: 2, message: "control characters are not allowed (found 0x00)" });
  assert.equal(refusal("a: \u001b[31m").line, 1);
  assert.equal(decodeText(Buffer.from("a:\tb\r\n")), "a:\tb\r\n");
});
