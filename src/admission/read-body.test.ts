// Nobody's bodies keep others from being read.
import assert from "node:assert/strict";
import { it } from "node:test";
import { BodyRoom } from "./read-body.ts";

const LIMITS = { totalBytes: 100, perAddressBytes: 60, reservedBytes: 20 };

it("lets one address have a share only, and gives back what is released", () => {
  const room = new BodyRoom(LIMITS);
  assert.equal(room.take("a", 60, false), true);
  assert.equal(room.take("a", 1, true), false);
  assert.equal(room.take("b", 20, false), true);
  room.release("a", 60);
  assert.equal(room.take("a", 60, false), true);
});

it("keeps room that only small bodies get", () => {
  const room = new BodyRoom(LIMITS);
  assert.equal(room.take("a", 60, false), true);
  assert.equal(room.take("b", 21, false), false);
  assert.equal(room.take("b", 20, false), true);
  assert.equal(room.take("c", 1, false), false);
  assert.equal(room.take("c", 20, true), true);
  assert.equal(room.take("d", 1, true), false);
});
