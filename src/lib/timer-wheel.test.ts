import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerWheel, WheelTimer } from "./timer-wheel.ts";

function makeWheel(): { wheel: TimerWheel; pass(ms: number): void } {
  let now = 0;
  const wheel = new TimerWheel(100, () => now);
  return {
    wheel,
    pass(ms: number): void {
      now += ms;
      wheel.advance();
    },
  };
}

function makeTimer(wheel: TimerWheel, fired: string[], name: string): WheelTimer {
  return new WheelTimer(wheel, { onTimer: () => fired.push(name) });
}

test("a timer fires once, not before its delay and at most two ticks late", () => {
  const { wheel, pass } = makeWheel();
  const fired: string[] = [];
  makeTimer(wheel, fired, "a").arm(1000);
  pass(999);
  assert.deepEqual(fired, []);
  pass(201);
  assert.deepEqual(fired, ["a"]);
  pass(100_000);
  assert.deepEqual(fired, ["a"]);
  wheel.stop();
});

test("re-arming moves the deadline both ways", () => {
  const { wheel, pass } = makeWheel();
  const fired: string[] = [];
  const later = makeTimer(wheel, fired, "later");
  const earlier = makeTimer(wheel, fired, "earlier");
  later.arm(1000);
  later.arm(5000);
  earlier.arm(5000);
  earlier.arm(1000);
  pass(1200);
  assert.deepEqual(fired, ["earlier"]);
  pass(3700);
  assert.deepEqual(fired, ["earlier"]);
  pass(300);
  assert.deepEqual(fired, ["earlier", "later"]);
  wheel.stop();
});

test("a disarmed or disposed timer does not fire", () => {
  const { wheel, pass } = makeWheel();
  const fired: string[] = [];
  const disarmed = makeTimer(wheel, fired, "disarmed");
  const disposed = makeTimer(wheel, fired, "disposed");
  disarmed.arm(300);
  disposed.arm(300);
  disarmed.disarm();
  disposed.dispose();
  pass(10_000);
  assert.deepEqual(fired, []);
  wheel.stop();
});

test("deadlines beyond one turn of the wheel wait for their turn", () => {
  const { wheel, pass } = makeWheel();
  const fired: string[] = [];
  makeTimer(wheel, fired, "far").arm(120_000);
  pass(60_000);
  pass(59_900);
  assert.deepEqual(fired, []);
  pass(300);
  assert.deepEqual(fired, ["far"]);
  wheel.stop();
});

test("after a stall longer than the wheel everything that is due fires", () => {
  const { wheel, pass } = makeWheel();
  const fired: string[] = [];
  makeTimer(wheel, fired, "a").arm(1000);
  makeTimer(wheel, fired, "b").arm(40_000);
  pass(500_000);
  assert.deepEqual(fired.toSorted(), ["a", "b"]);
  wheel.stop();
});

test("a callback may arm and dispose timers of the same slot", () => {
  const { wheel, pass } = makeWheel();
  const fired: string[] = [];
  const victim = makeTimer(wheel, fired, "victim");
  const killer = new WheelTimer(wheel, {
    onTimer: () => {
      fired.push("killer");
      victim.dispose();
      killer.arm(300);
    },
  });
  victim.arm(500);
  killer.arm(500);
  pass(700);
  assert.deepEqual(fired, ["killer"]);
  pass(500);
  assert.deepEqual(fired, ["killer", "killer"]);
  wheel.stop();
});
