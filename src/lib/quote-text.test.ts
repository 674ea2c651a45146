import assert from "node:assert/strict";
import test from "node:test";
import { quoteText } from "./quote-text.ts";

test("a quoted text stays on one line and gives a terminal nothing to obey", () => {
  assert.equal(quoteText('a "b"\n\u001b[31m'), String.raw`"a \"b\"\n\u001b[31m"`);
  assert.equal(quoteText("x\u202ey\u009bz\u2028"), String.raw`"x\u202ey\u009bz\u2028"`);
});

test("a long text is cut", () => {
  assert.equal(quoteText("a".repeat(121)), `"${"a".repeat(120)}…"`);
  assert.equal(quoteText("a".repeat(120)), `"${"a".repeat(120)}"`);
});
