import assert from "node:assert/strict";
import test from "node:test";
import { parseByteSize } from "./byte-size.ts";

test("sizes are read as Kubernetes and as nginx write them", () => {
  for (const [text, expected] of [
    ["0", 0],
    ["1024", 1024],
    ["10Mi", 10 * 1024 * 1024],
    ["1.5Gi", 1.5 * 1024 ** 3],
    ["8m", 8 * 1024 * 1024],
    ["4k", 4096],
    ["1g", 1024 ** 3],
    ["2M", 2_000_000],
    ["1Ti", 1024 ** 4],
    ["0.0001", null],
    ["0.001", 1],
  ] as const) {
    assert.equal(parseByteSize(text), expected, text);
  }
});

test("everything else is not a size", () => {
  for (const text of ["", "m", "-1", "1 Mi", "1MiB", "1e3", "0x10", "10mi", "999999999999999Ti", "1".repeat(50)]) {
    assert.equal(parseByteSize(text), null, text);
  }
});
