import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { SlicedWork } from "./sliced-work.ts";
import { finishInTurns, finishNow, SliceMeter } from "./sliced-work.ts";

/** Notes each number up to `end` as one unit of work. */
function* count(end: number, meter: SliceMeter, done: number[]): SlicedWork<number> {
  for (let i = 1; i <= end; i += 1) {
    done.push(i);
    if (meter.isFullAfter(1)) yield;
  }
  return end;
}

suite("sliced work", () => {
  test("is done a slice a turn, and not more of it however much there is", async () => {
    const done: number[] = [];
    const atTurns: number[] = [];
    const result = await finishInTurns(count(25, new SliceMeter(10), done), async () => atTurns.push(done.length));
    assert.equal(result, 25);
    assert.deepEqual(atTurns, [10, 20]);
  });

  test("of several kinds shares a meter, so that many small pieces do not add up", async () => {
    const done: number[] = [];
    const meter = new SliceMeter(10);
    function* all(): SlicedWork<void> {
      for (let i = 0; i < 5; i += 1) yield* count(6, meter, done);
    }
    const atTurns: number[] = [];
    await finishInTurns(all(), async () => atTurns.push(done.length));
    assert.deepEqual(atTurns, [10, 20, 30]);
  });

  test("lets the event loop go on between slices", async () => {
    const timer = new AbortController();
    setTimeout(() => timer.abort(), 1);
    function* untilTimer(): SlicedWork<void> {
      while (!timer.signal.aborted) yield;
    }
    await finishInTurns(untilTimer());
    assert.ok(timer.signal.aborted);
  });

  test("can be done in one go, too", () => {
    const done: number[] = [];
    assert.equal(finishNow(count(25, new SliceMeter(10), done)), 25);
    assert.equal(done.length, 25);
  });

  test("that throws rejects, after the slices before", async () => {
    function* broken(): SlicedWork<void> {
      yield;
      throw new Error("broken");
    }
    await assert.rejects(finishInTurns(broken()), { message: "broken" });
    assert.throws(() => finishNow(broken()), { message: "broken" });
  });
});
