import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { TicketKeys } from "./ticket-keys.ts";

suite("ticket keys", () => {
  test("48 random bytes that change with every rotation, in step with what is told", () => {
    const clock = new ManualClock();
    const told: Uint8Array[] = [];
    const keys = new TicketKeys({ clock, rotationMs: 1_000, onRotated: (rotated) => told.push(rotated) });
    const first = keys.current;
    assert.equal(first.byteLength, 48);
    assert.equal(first.buffer.byteLength, 48, "no other memory travels with them");
    keys.start();
    clock.advance(2_500);
    assert.equal(told.length, 2);
    assert.equal(keys.current, told[1]);
    const distinct = new Set([first, ...told].map((bytes) => Buffer.from(bytes).toString("hex")));
    assert.equal(distinct.size, 3);
    keys.stop();
    clock.advance(10_000);
    assert.equal(told.length, 2);
  });
});
