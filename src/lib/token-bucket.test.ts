// A burst, then a steady rate.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { TokenBucket } from "./token-bucket.ts";

test("gives the burst at once, then one token at a time, and says how long the next one takes", () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket(clock, { perSecond: 10, burst: 2 });
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 100]);
  clock.advance(50);
  assert.equal(Math.round(bucket.take()), 50);
  clock.advance(50);
  assert.deepEqual([bucket.take(), Math.round(bucket.take())], [0, 100]);
});

test("a long quiet time saves up no more than the burst", () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket(clock, { perSecond: 10, burst: 2 });
  clock.advance(60_000);
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 100]);
});
