import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { DeadlineHeap } from "./deadline-heap.ts";

function heapOf(deadlines: readonly number[]): DeadlineHeap {
  const heap = new DeadlineHeap(deadlines.length);
  heap.deadlines.set(deadlines);
  heap.rebuild();
  return heap;
}

/** How many deadlines the work reads. */
function countReads(heap: DeadlineHeap, work: () => void): number {
  let reads = 0;
  const { deadlines } = heap;
  const counting = new Proxy(deadlines, {
    get(target, property) {
      reads++;
      return Reflect.get(target, property) as unknown;
    },
  });
  Object.defineProperty(heap, "deadlines", { value: counting, configurable: true });
  work();
  Object.defineProperty(heap, "deadlines", { value: deadlines, configurable: true });
  return reads;
}

describe("a heap of deadlines", () => {
  test("has the earliest of those that were not taken out first, whatever came before", () => {
    const step = fc.record({ index: fc.nat(29), action: fc.constantFrom("remove", "add", "later"), by: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 30, maxLength: 30 }), fc.array(step), (deadlines, steps) => {
        const heap = heapOf(deadlines);
        const inside = new Set(deadlines.keys());
        for (const { index, action, by } of steps) {
          if (action === "remove") {
            heap.remove(index);
            inside.delete(index);
          } else if (action === "add") {
            if (!inside.has(index)) heap.deadlines[index] = by;
            heap.add(index);
            inside.add(index);
          } else if (heap.size > 0) {
            heap.deadlines[heap.first]! += by;
            heap.sinkFirst();
          }
          assert.equal(heap.size, inside.size);
          if (inside.size === 0) continue;
          assert.ok(inside.has(heap.first));
          assert.equal(heap.deadlines[heap.first], Math.min(...[...inside].map((one) => heap.deadlines[one]!)));
        }
      }),
    );
  });

  test("is no slower for what was taken out, and takes out and in within a few steps", () => {
    const count = 10_000;
    const heap = heapOf(Array.from({ length: count }, (_, index) => (index * 7_919) % count));
    const logarithm = Math.ceil(Math.log2(count));
    const advance = (): void => {
      heap.deadlines[heap.first]! += count;
      heap.sinkFirst();
    };
    const mostReads = (work: (index: number) => void): number => {
      const reads = Array.from({ length: count - 8 }, (_, index) => countReads(heap, () => work(index)));
      return reads.reduce((most, one) => Math.max(most, one), 0);
    };
    const toTakeOut = mostReads((index) => heap.remove(index));
    assert.ok(toTakeOut > 0 && toTakeOut <= 4 * logarithm, `${toTakeOut} reads to take one out`);
    const fewLeft = Math.max(...Array.from({ length: 20 }, () => countReads(heap, advance)));
    assert.ok(fewLeft <= 20, `${fewLeft} reads to advance among 8 of ${count}`);
    const toPutIn = mostReads((index) => heap.add(index));
    assert.ok(toPutIn > 0 && toPutIn <= 4 * logarithm, `${toPutIn} reads to put one in`);
  });
});
