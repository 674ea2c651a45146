import assert from "node:assert/strict";
import { test } from "node:test";
import { parseContentLength } from "./content-length.ts";

test("content lengths are digits below 2^53", () => {
  assert.equal(parseContentLength("0"), 0);
  assert.equal(parseContentLength("007"), 7);
  assert.equal(parseContentLength("999999999999999"), 999_999_999_999_999);
  for (const wrong of ["", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x1", "1,1", "9999999999999999", "١"]) {
    assert.equal(parseContentLength(wrong), -1, wrong);
  }
});
