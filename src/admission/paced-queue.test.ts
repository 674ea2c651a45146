// Work in turn, with rests between, and with an end to waiting.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { PacedQueue } from "./paced-queue.ts";

describe("the paced queue", () => {
  it("rests as long as the work before took", async () => {
    const clock = new ManualClock();
    const queue = new PacedQueue({ clock, maxWaiting: 10 });
    const startedAt: number[] = [];
    const work = (durationMs: number) => () => {
      startedAt.push(clock.now());
      clock.suspend(durationMs);
    };
    const all = [work(40), work(10), work(0), work(0)].map((one) => queue.submit(one, 1_000));
    clock.advance(500);
    await Promise.all(all);
    assert.deepEqual(startedAt, [0, 80, 100, 100]);
  });

  it("does not begin what has waited too long, nor take more than it has places for", async () => {
    const clock = new ManualClock();
    const queue = new PacedQueue({ clock, maxWaiting: 2 });
    const begun: string[] = [];
    const first = queue.submit(() => {
      begun.push("first");
      clock.suspend(300);
      return 1;
    }, 1_000);
    const second = queue.submit(() => begun.push("second"), 500);
    const third = queue.submit(() => begun.push("third"), 1_000);
    assert.deepEqual(await third, { outcome: "full" });
    clock.advance(2_000);
    assert.deepEqual(await first, { outcome: "done", value: 1 });
    assert.deepEqual(await second, { outcome: "late" });
    assert.deepEqual(begun, ["first"]);
    assert.equal(clock.pendingTimers, 0);
  });

  it("goes on after work that failed", async () => {
    const clock = new ManualClock();
    const queue = new PacedQueue({ clock, maxWaiting: 2 });
    const error = new Error("broken");
    const failing = queue.submit(() => {
      throw error;
    }, 1_000);
    const next = queue.submit(() => "fine", 1_000);
    clock.advance(10);
    assert.deepEqual(await failing, { outcome: "failed", error });
    assert.deepEqual(await next, { outcome: "done", value: "fine" });
  });
});
