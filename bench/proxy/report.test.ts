// What the report makes of samples: medians, ratios round by round, and rejected samples left out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { renderNotes, renderOverview, summarize } from "./report.ts";
import type { Sample } from "./sample.ts";
import { SCENARIOS } from "./scenarios.ts";
import { median, percentile } from "./statistics.ts";

function sample(proxy: string, round: number, cpuUs: number, errors: readonly string[] = []): Sample {
  return {
    proxy,
    scenario: "small",
    round,
    cpuUs,
    userUs: cpuUs / 2,
    systemUs: cpuUs / 2,
    requests: 1000,
    requestsPerSecond: 1000,
    p50Ms: 1,
    p99Ms: 2,
    residentBytes: 1,
    proportionalBytes: 1,
    coreShare: 1,
    foreignShare: 0,
    upstreamConnections: 0,
    errors,
  };
}

test("the ratio is taken within a round, so that a slow round does not distort it", () => {
  const samples = [
    sample("nginx", 0, 10),
    sample("penstock", 0, 12),
    sample("nginx", 1, 40),
    sample("penstock", 1, 48),
    sample("nginx", 2, 20),
    sample("penstock", 2, 24),
  ];
  assert.equal(summarize(samples, "small", "penstock").ratio.toFixed(3), "1.200");
});

test("a rejected sample counts neither for its proxy nor as somebody's baseline", () => {
  const samples = [
    sample("nginx", 0, 10),
    sample("penstock", 0, 15),
    sample("nginx", 1, 1, ["3 read errors"]),
    sample("penstock", 1, 15),
    sample("nginx", 2, 10),
    sample("penstock", 2, 1, ["3 status errors"]),
  ];
  const { ratio, good, rejected } = summarize(samples, "small", "penstock");
  assert.equal(ratio, 1.5);
  assert.deepEqual([good.length, rejected.length], [2, 1]);
  assert.match(renderNotes(samples), /small, nginx, round 1: 3 read errors/);
});

test("the overview is a Markdown table with the ratio beside the time", () => {
  const scenarios = SCENARIOS.filter((scenario) => scenario.name === "small");
  const table = renderOverview([sample("nginx", 0, 10), sample("penstock", 0, 12.5)], scenarios, ["nginx", "penstock"]);
  assert.equal(table.split("\n").at(-1), "| small            |  10.0 | 12.5 (1.25 ×) |");
});

test("median and percentile", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile([7], 0.99), 7);
});
