import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteQueue } from "./byte-queue.ts";

test("what goes in comes out, in order, however it is cut", () => {
  const step = fc.oneof(
    fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
    fc.integer({ min: 1, max: 900 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue();
      let expected: Buffer = Buffer.alloc(0);
      const taken: [Buffer, string][] = [];
      for (const one of steps) {
        if (typeof one !== "number") {
          queue.push(one, 0, one.length);
          expected = Buffer.concat([expected, one]);
        } else if (queue.length > 0) {
          const bytes = queue.shift(one);
          assert.ok(bytes.length > 0 && bytes.length <= one);
          const text = expected.toString("hex", 0, bytes.length);
          assert.equal(bytes.toString("hex"), text);
          expected = expected.subarray(bytes.length);
          taken.push([bytes, text]);
        }
        assert.equal(queue.length, expected.length);
      }
      // What was taken is the taker's.
      for (const [bytes, text] of taken) assert.equal(bytes.toString("hex"), text);
    }),
    { numRuns: 300 },
  );
});

test("many small parts take little more memory than their bytes", () => {
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  const queue = new ByteQueue();
  const byte = Buffer.from("x");
  for (let i = 0; i < 1_000_000; i++) queue.push(byte, 0, 1);
  const used = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before;
  assert.equal(queue.length, 1_000_000);
  assert.ok(used < 16_000_000, `${used} bytes for a million`);
});
