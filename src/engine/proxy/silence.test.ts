import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeSilence, RATE_PERIOD_MS, type Silence, UploadRate } from "./silence.ts";

const WAITING: Silence = {
  isAwaitingHead: true,
  isFiltering: false,
  isRequestEnded: true,
  isRequestPaused: false,
  isResponsePaused: false,
  isIdle: true,
  isUploadTooSlow: false,
};

const CASES: readonly [what: string, silence: Partial<Silence>, error: string | null][] = [
  ["an upstream that has the request and does not answer", {}, "upstream-timeout"],
  ["a client that stopped sending its body", { isRequestEnded: false }, "request-timeout"],
  [
    "a client that sends its body too slowly",
    { isRequestEnded: false, isIdle: false, isUploadTooSlow: true },
    "request-timeout",
  ],
  ["a client that sends fast enough", { isRequestEnded: false, isIdle: false }, null],
  ["an upstream that takes nothing of the body", { isRequestEnded: false, isRequestPaused: true }, "upstream-timeout"],
  [
    "a slow client that is held back by the upstream is not to blame",
    { isRequestEnded: false, isRequestPaused: true, isIdle: false, isUploadTooSlow: true },
    null,
  ],
  ["a phase that thinks", { isAwaitingHead: false, isFiltering: true }, null],
  ["an upstream that stopped sending", { isAwaitingHead: false }, "upstream-timeout"],
  ["a client that stopped reading", { isAwaitingHead: false, isResponsePaused: true }, "client-closed"],
  ["a response that moves", { isAwaitingHead: false, isIdle: false }, null],
];

for (const [what, silence, error] of CASES) {
  test(`${what}: ${error ?? "wait on"}`, () => {
    assert.equal(judgeSilence({ ...WAITING, ...silence })?.type ?? null, error);
  });
}

test("an upload is too slow below its rate on the average, after a grace", () => {
  const rate = new UploadRate(100);
  rate.restart(1_000, 500);
  assert.equal(rate.isTooSlow(1_000 + RATE_PERIOD_MS - 1, 500), false, "within the grace");
  assert.equal(rate.isTooSlow(1_000 + RATE_PERIOD_MS, 500 + 999), true);
  assert.equal(rate.isTooSlow(1_000 + RATE_PERIOD_MS, 500 + 1_000), false);
  assert.equal(rate.isTooSlow(1_000 + 60_000, 500 + 5_999), true);
  rate.restart(61_000, 6_499);
  assert.equal(rate.isTooSlow(61_000 + RATE_PERIOD_MS - 1, 6_499), false, "held back meanwhile: a new grace");
});

test("without a minimum no upload is too slow", () => {
  const rate = new UploadRate(0);
  rate.restart(0, 0);
  assert.equal(rate.isTooSlow(3_600_000, 0), false);
});
