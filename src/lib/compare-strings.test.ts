import assert from "node:assert/strict";
import test from "node:test";
import { compareStrings } from "./compare-strings.ts";

test("strings sort by code unit, whatever the locale", () => {
  assert.deepEqual(["b", "a", "Z", "ä", "", "a"].toSorted(compareStrings), ["", "Z", "a", "a", "b", "ä"]);
});
