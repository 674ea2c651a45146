import assert from "node:assert/strict";
import test from "node:test";
import { printable, quoteText } from "./untrusted-text.ts";

test("a quoted text stays on one line and gives a terminal nothing to obey", () => {
  assert.equal(quoteText('a "b"\n\u001b[31m'), String.raw`"a \"b\"\n\u001b[31m"`);
  assert.equal(quoteText("x\u202ey\u009bz\u2028"), String.raw`"x\u202ey\u009bz\u2028"`);
});

test("a long text is cut", () => {
  assert.equal(quoteText("a".repeat(121)), `"${"a".repeat(120)}…"`);
  assert.equal(quoteText("a".repeat(120)), `"${"a".repeat(120)}"`);
  assert.equal(printable("abcd", 3), "abc…");
  assert.equal(printable("abc", 3), "abc");
});

test("both ways of showing a text escape the same characters", () => {
  const ranges = [
    [0x00, 0x1f],
    [0x7f, 0x9f],
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2066, 0x2069],
    [0xfeff, 0xfeff],
  ] as const;
  const isUnsafe = (code: number): boolean => ranges.some(([first, last]) => code >= first && code <= last);
  for (let code = 0; code < 0xd800; code += 1) {
    const character = String.fromCharCode(code);
    const isLeftAlone = !isUnsafe(code);
    assert.equal(printable(character) === character, isLeftAlone, code.toString(16));
    if (character === '"' || character === "\\") continue;
    assert.equal(quoteText(character) === `"${character}"`, isLeftAlone, code.toString(16));
  }
  assert.equal(printable("\ufeff"), String.raw`\ufeff`);
  assert.equal(printable("bücher 本 ✓"), "bücher 本 ✓");
});
