// How often, and in whose favour, single Secrets are asked for.
import assert from "node:assert/strict";
import { it } from "node:test";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import type { ApiClient } from "./client/api-client.ts";
import { SecretReader } from "./secret-reader.ts";

const TIMING = {
  firstDelayMs: 100,
  maxDelayMs: 30_000,
  unavailableDelayMs: 10_000,
  maxRetryAfterMs: 120_000,
  readTimeoutMs: 10_000,
};

/** A reader of a cluster without any Secret. */
function rigOf(rate: { perSecond: number; burst: number }): {
  clock: ManualClock;
  reader: SecretReader;
  asked: string[];
  waiting: () => number;
} {
  const clock = new ManualClock();
  const asked: string[] = [];
  let waiting = 0;
  const answer = { status: 404, headers: {}, body: { kind: "Status", reason: "NotFound" }, retryAfterMs: null };
  const client = { send: () => Promise.resolve(answer) } as unknown as ApiClient;
  const reader = new SecretReader({
    client,
    clock,
    random: () => 0.5,
    timing: TIMING,
    rate,
    found: () => {},
    missing: () => {},
    forbidden: () => {},
    asking: (key) => asked.push(key),
    asked: () => {},
    began: () => (waiting += 1),
    ended: () => (waiting -= 1),
  });
  return { clock, reader, asked, waiting: () => waiting };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
}

it("asks at once for as many as the burst allows, and for the others at a steady rate", async () => {
  const { clock, reader, asked } = rigOf({ perSecond: 10, burst: 20 });
  for (let n = 0; n < 100; n += 1) reader.want(`evil/s${n}`);
  await settle();
  assert.equal(asked.length, 20);
  clock.advance(1_000);
  await settle();
  assert.equal(asked.length, 30);
  for (let second = 0; second < 7; second += 1) {
    clock.advance(1_000);
    await settle();
  }
  assert.equal(asked.length, 100);
  await reader.settled();
});

it("lets a namespace with one Secret go before the many of another", async () => {
  const { clock, reader, asked } = rigOf({ perSecond: 10, burst: 20 });
  for (let n = 0; n < 1_000; n += 1) reader.want(`evil/s${n}`);
  await settle();
  reader.want("good/cert");
  clock.advance(200);
  await settle();
  assert.ok(asked.includes("good/cert"), "has its turn within two tokens");
  assert.ok(asked.length < 25);
});

it("has nobody wait for what stands far back, and asks for nothing that is not wanted any more", async () => {
  const { clock, reader, asked, waiting } = rigOf({ perSecond: 10, burst: 20 });
  for (let n = 0; n < 1_000; n += 1) reader.want(`evil/s${n}`);
  assert.ok(waiting() < 100, `${waiting()} are waited for`);
  await settle();
  for (let n = 0; n < 1_000; n += 1) reader.unwant(`evil/s${n}`);
  assert.equal(waiting(), 0);
  clock.advance(60_000);
  await settle();
  assert.equal(asked.length, 20);
  reader.close();
  assert.equal(clock.pendingTimers, 0);
});
