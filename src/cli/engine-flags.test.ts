// What the flags do to worker threads and to regular expressions. They change this whole process, which runs nothing else.
import assert from "node:assert/strict";
import { once } from "node:events";
import { it } from "node:test";
import { Worker } from "node:worker_threads";
import { applyEngineFlags } from "./engine-flags.ts";

/** Tells whether strings become code, and how long an expression takes that backtracks in 2^30 ways; milliseconds. */
const PROBE = `
const { parentPort } = require("node:worker_threads");
const attempts = { function: () => new Function("return 1")(), eval: () => (0, eval)("1") };
const refused = Object.entries(attempts).filter(([, attempt]) => {
  try { attempt(); return false; } catch (error) { return error instanceof EvalError; }
});
const start = performance.now();
/^(a+)+$/.test("a".repeat(30) + "b");
parentPort.postMessage({ refused: refused.map(([name]) => name), durationMs: performance.now() - start });
`;

it("workers make no code out of strings, and no expression holds them up", async () => {
  applyEngineFlags();
  const worker = new Worker(PROBE, { eval: true });
  const [report] = (await once(worker, "message")) as [
    { readonly refused: readonly string[]; readonly durationMs: number },
  ];
  assert.deepEqual(report.refused, ["function", "eval"]);
  // Without the flags it takes minutes.
  assert.ok(report.durationMs < 5_000, `${report.durationMs} ms`);
});
