import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { WritePause } from "./write-pause.ts";

const TIMING = { firstDelayMs: 1_000, maxDelayMs: 60_000 };

describe("a pause of writes", () => {
  it("grows with failures one after the other, counts those together once, and begins anew after a success", () => {
    const clock = new ManualClock();
    const pause = new WritePause(clock, () => 0.5, TIMING);
    const beginAgain = (): number => {
      clock.advance(Math.max(0, pause.until - clock.now()));
      pause.begin(null);
      pause.begin(null);
      return pause.until - clock.now();
    };
    const [first, second, third] = [beginAgain(), beginAgain(), beginAgain()] as const;
    assert.ok(first < second && second < third, `${first}, ${second}, ${third}`);
    pause.succeeded();
    assert.ok(pause.until > clock.now());
    assert.equal(beginAgain(), first);
    pause.reset();
    assert.equal(pause.until, 0);
  });

  it("is as long as the server asks, up to the longest", () => {
    const clock = new ManualClock();
    const pause = new WritePause(clock, () => 0.5, TIMING);
    pause.begin(30_000);
    assert.equal(pause.until - clock.now(), 30_000);
    pause.reset();
    pause.begin(3_600_000);
    assert.equal(pause.until - clock.now(), 60_000);
  });
});
