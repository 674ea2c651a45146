import assert from "node:assert/strict";
import { test } from "node:test";
import { Dice } from "./http1-cases.ts";
import { compareReadings, runDifferential } from "./http1-differential.ts";

const DURATION_MS = 5_000;

test("damaged requests are never read more loosely than by llhttp, nor differently", async (t) => {
  const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`seed ${seed}; again: FUZZ_SEED=${seed} node --test test/fuzz`);
  const until = performance.now() + DURATION_MS;
  const result = await runDifferential(new Dice(seed), (cases) => cases >= 100 && performance.now() >= until);
  t.diagnostic(JSON.stringify(result));
  assert.ok(
    result.understood > result.cases / 20,
    "too few cases were understood for the comparison to mean something",
  );
});

test("the comparison sees a looser reading", () => {
  const request = { method: "GET", target: "/", host: "a", body: "" };
  assert.notEqual(compareReadings({ requests: [request], isRefused: false }, { requests: [], isRefused: true }), null);
  const longer = { requests: [{ ...request, body: "x" }], isRefused: false };
  assert.notEqual(compareReadings({ requests: [request], isRefused: false }, longer), null);
  assert.equal(compareReadings({ requests: [], isRefused: true }, longer), null);
});
