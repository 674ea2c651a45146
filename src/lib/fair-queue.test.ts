// Whoever brings much waits for its own, and nobody else does.
import assert from "node:assert/strict";
import { it } from "node:test";
import { FairQueue } from "./fair-queue.ts";

function drain(queue: FairQueue<string>): string[] {
  const served: string[] = [];
  for (let item = queue.first(); item !== null; item = queue.first()) {
    served.push(item);
    queue.serve(item.charAt(0), item);
  }
  return served;
}

it("gives every party one turn after the other, and keeps the order within each", () => {
  const queue = new FairQueue<string>();
  for (const item of ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]) queue.add(item.charAt(0), item);
  assert.deepEqual([...queue.inTurns()], ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
  assert.deepEqual(drain(queue), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
  assert.equal(queue.sizeOf("a"), 0);
});

it("serves one who comes late before what a party of many still has", () => {
  const queue = new FairQueue<string>();
  for (let n = 0; n < 100; n += 1) queue.add("a", `a${n}`);
  queue.serve("a", "a0");
  queue.add("b", "b0");
  queue.serve("a", "a1");
  assert.equal(queue.first(), "b0");
});

it("keeps each item once, and forgets what is taken back while it is gone through", () => {
  const queue = new FairQueue<string>();
  for (const item of ["a1", "a1", "a2", "b1"]) queue.add(item.charAt(0), item);
  assert.equal(queue.sizeOf("a"), 2);
  const seen: string[] = [];
  for (const item of queue.inTurns()) {
    seen.push(item);
    queue.delete("a", "a2");
  }
  assert.deepEqual(seen, ["a1", "b1"]);
  queue.clear();
  assert.equal(queue.first(), null);
});
