import assert from "node:assert/strict";
import test from "node:test";
import { findClosestWord } from "./closest-word.ts";

const KNOWN = ["connect-timeout", "response-timeout", "idle-timeout"];

test("a slip of the keys finds the word that was meant", () => {
  assert.equal(findClosestWord("conect-timeout", KNOWN), "connect-timeout");
  assert.equal(findClosestWord("idle_timeout", KNOWN), "idle-timeout");
  assert.equal(findClosestWord("connect-timeout", KNOWN), "connect-timeout");
});

test("a word that resembles none finds none", () => {
  assert.equal(findClosestWord("rewrite-target", KNOWN), null);
  assert.equal(findClosestWord("", KNOWN), null);
  assert.equal(findClosestWord("x".repeat(100_000), KNOWN), null);
});
