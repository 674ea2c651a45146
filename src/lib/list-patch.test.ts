import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { appendPiece, diffList } from "./list-patch.ts";

suite("list patch", () => {
  test("a change of one item among many is three pieces", () => {
    const before = Array.from({ length: 1_000 }, (_, i) => ({ i }));
    const after = before.with(500, { i: -1 });
    assert.deepEqual(diffList(before, after), [{ from: 0, count: 500 }, [{ i: -1 }], { from: 501, count: 499 }]);
  });

  test("an unchanged list is one run, an emptied one nothing", () => {
    const before = [{ i: 0 }, { i: 1 }];
    assert.deepEqual(diffList(before, [...before]), [{ from: 0, count: 2 }]);
    assert.deepEqual(diffList(before, []), []);
  });

  test("whatever is added, removed, moved and repeated, the patch gives the later list, and sends only what is new", () => {
    const before = Array.from({ length: 12 }, (_, i) => ({ i }));
    const item = fc.oneof(
      fc.nat(11).map((i) => before[i] ?? { i }),
      fc.nat(11).map((i) => ({ i: 100 + i })),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 20 }), (after) => {
        const patch = structuredClone(diffList(before, after));
        const patched: { i: number }[] = [];
        for (const piece of patch) appendPiece(patched, before, piece);
        assert.deepEqual(patched, after);
        for (const [i, one] of after.entries()) assert.equal(patched[i] === one, before.includes(one));
      }),
    );
  });
});
