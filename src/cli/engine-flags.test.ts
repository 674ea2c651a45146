// What the flags do to worker threads and to regular expressions. They change this whole process, which runs nothing else.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { applyEngineFlags, ENGINE_FLAGS } from "./engine-flags.ts";

const MIB = 2 ** 20;

interface ThreadReport {
  /** Ways to make code out of strings that failed. */
  readonly refused: readonly string[];
  /** Milliseconds that an expression took which backtracks in 2^30 ways. */
  readonly expressionMs: number;
  /** Bytes that the heap held for new objects after many of them had survived. */
  readonly newSpaceBytes: number;
}

const PROBE = `
const { parentPort } = require("node:worker_threads");
const v8 = require("node:v8");
const attempts = { function: () => new Function("return 1")(), eval: () => (0, eval)("1") };
const refused = Object.entries(attempts).filter(([, attempt]) => {
  try { attempt(); return false; } catch (error) { return error instanceof EvalError; }
});
const start = performance.now();
/^(a+)+$/.test("a".repeat(30) + "b");
const expressionMs = performance.now() - start;

const makeRecord = (i) => ({ i, list: [i, i + 1, i + 2, i + 3] });
const live = Array.from({ length: 400_000 }, (_, i) => makeRecord(i));
for (let i = 0; i < 2_000_000; i += 1) live[(i * 7919) % live.length] = makeRecord(i);
const newSpaceBytes = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size;
parentPort.postMessage({ refused: refused.map(([name]) => name), expressionMs, newSpaceBytes });
`;

it("workers make no code out of strings, no expression holds them up, and little memory is for new objects", async () => {
  applyEngineFlags();
  const worker = new Worker(PROBE, { eval: true });
  const [report] = (await once(worker, "message")) as [ThreadReport];
  assert.deepEqual(report.refused, ["function", "eval"]);
  // Without the flags it takes minutes.
  assert.ok(report.expressionMs < 5_000, `${report.expressionMs} ms`);
  assert.ok(report.newSpaceBytes <= 2 * 16 * MIB, `${report.newSpaceBytes / MIB} MiB for new objects`);
});

it("this V8 knows them all", async () => {
  const { stderr } = await promisify(execFile)(process.execPath, [...ENGINE_FLAGS, "--eval", "0"]);
  assert.equal(stderr, "");
});

it("the container image gives them to node itself, and to the run that compiles its code beforehand", () => {
  const dockerfile = readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8");
  const flagsOf = (text: string): readonly string[] => text.match(/--[a-z][a-z0-9=-]+(?=["\s])/g) ?? [];
  assert.deepEqual(flagsOf(between(dockerfile, "warm-compile-cache.sh node", "/app/dist/main.js")), ENGINE_FLAGS);
  assert.deepEqual(flagsOf(between(dockerfile, "ENTRYPOINT [", "]")), ENGINE_FLAGS);
});

function between(text: string, start: string, end: string): string {
  const from = text.indexOf(start);
  assert.notEqual(from, -1, start);
  return text.slice(from + start.length, text.indexOf(end, from + start.length));
}
