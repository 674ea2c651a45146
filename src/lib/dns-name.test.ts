import assert from "node:assert/strict";
import test from "node:test";
import { isDnsName } from "./dns-name.ts";

test("names of lower-case labels are DNS names", () => {
  for (const name of ["a", "localhost", "shop.example", "xn--bcher-kva.example", "a-b.c1", "1.2", "a".repeat(63)]) {
    assert.equal(isDnsName(name), true, name);
  }
});

test("everything else is not", () => {
  const tooLong = Array.from({ length: 64 }, () => "abc").join(".");
  for (const name of [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "-a",
    "a-",
    "a.-b",
    "a-.b",
    "A.b",
    "a_b",
    "a b",
    "*.a",
    "bücher",
    "a:80",
  ]) {
    assert.equal(isDnsName(name), false, name);
  }
  assert.equal(isDnsName("a".repeat(64)), false);
  assert.equal(isDnsName(tooLong), false);
});
