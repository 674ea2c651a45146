// The differential fuzz for a few seconds, and what its comparison is able to see.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Dice } from "./http1-cases.ts";
import { type FuzzResult, fuzzRequests, fuzzResponses } from "./http1-differential.ts";
import { compareReadings, type Lines, type ReadMessage, type Reading } from "./http1-reading.ts";

type Fuzz = (dice: Dice, isOver: (cases: number) => boolean) => Promise<FuzzResult>;

async function runFor(t: TestContext, durationMs: number, fuzz: Fuzz): Promise<void> {
  const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`seed ${seed}; again: FUZZ_SEED=${seed} node --test test/fuzz`);
  const until = performance.now() + durationMs;
  const result = await fuzz(new Dice(seed), (cases) => cases >= 100 && performance.now() >= until);
  t.diagnostic(JSON.stringify(result));
  const { understood, cases } = result;
  assert.ok(understood > cases / 20, "too few cases were understood for the comparison to mean something");
}

test("damaged requests are never read more loosely than by llhttp, nor differently, in whatever pieces they come", (t) =>
  runFor(t, 4_000, fuzzRequests));

test("damaged responses are never read more loosely than by llhttp, nor differently, in whatever pieces they come", (t) =>
  runFor(t, 2_000, fuzzResponses));

function reading(changes: Partial<ReadMessage> = {}): Reading {
  const start = { method: "GET", target: "/" };
  return { messages: [{ start, headers: [["host", "a"]], body: "", trailers: [], ...changes }], isRefused: false };
}

const NOTHING: Reading = { messages: [], isRefused: true };
const LOOSER: readonly [what: string, ours: Reading, theirs: Reading][] = [
  ["a message more", reading(), NOTHING],
  ["another start line", reading({ start: { method: "GET", target: "/a" } }), reading()],
  ["a longer body", reading({ body: "x" }), reading()],
  ["a body that they refused", reading(), reading({ body: null })],
  ["a header more", reading({ headers: [["x", "y"]] }), reading({ headers: [] })],
  ["a header less", reading({ headers: [] }), reading()],
  ["another value", reading({ headers: [["host", "b"]] }), reading()],
  ["Host nominated away", reading({ headers: [["connection", "host, x"]] }), reading({ headers: withHost("host, x") })],
  ["a trailer more", reading({ trailers: [["x", "y"]] }), reading()],
];

function withHost(connection: string): Lines {
  return [
    ["connection", connection],
    ["host", "a"],
    ["x", "y"],
    ["x_forwarded_for", "z"],
  ];
}

for (const [what, ours, theirs] of LOOSER) {
  test(`the comparison sees ${what}`, () => {
    assert.notEqual(compareReadings(ours, theirs), null);
  });
}

test("the comparison allows what is stricter, and what is dropped on purpose", () => {
  assert.equal(compareReadings(NOTHING, reading()), null);
  assert.equal(compareReadings(reading({ body: null }), reading()), null);
  const kept: Lines = [
    ["connection", "x"],
    ["host", "a"],
  ];
  assert.equal(compareReadings(reading({ headers: kept }), reading({ headers: withHost("x") })), null);
});
