// Self time by function, from a profile as V8 writes it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findHotFunctions } from "./cpu-profile.ts";

function at(id: number, functionName: string, url: string): object {
  return { id, callFrame: { functionName, url, lineNumber: 9 } };
}

test("time is summed over call sites, idle time left out, the hottest first", () => {
  const profile = {
    nodes: [
      at(1, "(idle)", ""),
      at(2, "parseHead", "file:///home/me/penstock/dist/engine/http1/parser.js"),
      at(3, "", "node:net"),
      at(4, "parseHead", "file:///home/me/penstock/dist/engine/http1/parser.js"),
    ],
    samples: [1, 2, 3, 4, 2],
    timeDeltas: [900, 100, 150, 100, 50],
  } as Parameters<typeof findHotFunctions>[0];
  assert.deepEqual(findHotFunctions(profile), [
    { place: "parseHead dist/engine/http1/parser.js:10", selfUs: 250 },
    { place: "(anonymous) node:net:10", selfUs: 150 },
  ]);
});
