import assert from "node:assert/strict";
import { test } from "node:test";
import { RescanSchedule } from "./rescan-schedule.ts";

const SLOW = { debounceMs: 1, maxDelayMs: 10, pollMs: 120_000 };

test("changes during a scan are scanned after it, once, and never side by side", async () => {
  let running = 0;
  let scans = 0;
  const finished = Promise.withResolvers<void>();
  const schedule: RescanSchedule = new RescanSchedule(SLOW, async () => {
    running += 1;
    scans += 1;
    assert.equal(running, 1);
    if (scans === 1) for (let count = 0; count < 10; count += 1) schedule.notice();
    await new Promise(setImmediate);
    running -= 1;
    if (scans === 2) finished.resolve();
  });
  schedule.notice();
  await finished.promise;
  await schedule.close();
  assert.equal(scans, 2);
});

test("a stream of changes cannot put a scan off for ever", async () => {
  const scanned = Promise.withResolvers<void>();
  const schedule = new RescanSchedule({ debounceMs: 60_000, maxDelayMs: 20, pollMs: 120_000 }, async () => {
    scanned.resolve();
  });
  const stream = setInterval(() => schedule.notice(), 1);
  await scanned.promise;
  clearInterval(stream);
  await schedule.close();
});

test("closing waits for the scan under way and begins no other", async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let scans = 0;
  let isDone = false;
  const schedule = new RescanSchedule(SLOW, async () => {
    scans += 1;
    begun.resolve();
    await gate.promise;
    isDone = true;
  });
  schedule.notice();
  await begun.promise;
  schedule.notice();
  const closed = schedule.close();
  schedule.within(0);
  gate.resolve();
  await closed;
  assert.equal(isDone, true);
  assert.equal(scans, 1);
});
