import assert from "node:assert/strict";
import test from "node:test";
import { parseDurationText } from "./duration-text.ts";

test("durations are read with one unit or several", () => {
  for (const [text, expectedMs] of [
    ["5s", 5_000],
    ["500ms", 500],
    ["1m", 60_000],
    ["1h", 3_600_000],
    ["1h30m", 5_400_000],
    ["1m0s500ms", 60_500],
    ["0s", 0],
    ["99999h", 359_996_400_000],
  ] as const) {
    assert.equal(parseDurationText(text), expectedMs, text);
  }
});

test("everything else is not a duration", () => {
  for (const text of [
    "",
    "5",
    "s",
    "5 s",
    "-5s",
    "1.5s",
    "5S",
    "5d",
    "1h1h1h1h1h",
    "123456s",
    "5s\n",
    "9".repeat(50),
  ]) {
    assert.equal(parseDurationText(text), null, JSON.stringify(text));
  }
});
