import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { compareNatural } from "./compare-natural.ts";

test("numbers inside of texts count as numbers", () => {
  const sorted = ["a", "a[1]", "a[1].b", "a[2]", "a[10]", "a[10].b[2]", "a[10].b[11]", "b", "b007", "c1x", "c12"];
  assert.deepEqual(sorted.toReversed().toSorted(compareNatural), sorted);
});

test("it is an order: the same whatever comes first", () => {
  const text = fc.string({ unit: fc.constantFrom("0", "1", "9", "a", "[", "z"), maxLength: 6 });
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      assert.equal(Math.sign(compareNatural(a, b)), -Math.sign(compareNatural(b, a)) + 0);
      assert.equal(compareNatural(a, b) === 0, a === b);
      if (compareNatural(a, b) < 0 && compareNatural(b, c) < 0) assert.ok(compareNatural(a, c) < 0);
    }),
    { numRuns: 2000 },
  );
});
