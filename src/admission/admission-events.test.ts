// What an operator reads of the webhook.
import assert from "node:assert/strict";
import { it } from "node:test";
import { createLogger } from "../telemetry/log.ts";
import { createAdmissionLog } from "./admission-events.ts";
import type { AdmissionEvent } from "./admission-events.ts";

function linesOf(...events: readonly AdmissionEvent[]): readonly (readonly [string, string])[] {
  const lines: string[] = [];
  const log = createAdmissionLog(createLogger({ level: "debug", destination: { write: (line) => lines.push(line) } }));
  for (const event of events) log(event);
  return lines.map((line) => {
    const { level, message } = JSON.parse(line) as { level: string; message: string };
    return [level, message];
  });
}

it("the log says what was replaced, what failed, and what passed unchecked, and is quiet about verdicts", () => {
  const review = {
    type: "reviewed",
    object: { kind: "Ingress", namespace: "a", name: "b" },
    durationMs: 1.234,
  } as const;
  const lines = linesOf(
    { type: "certificate-written", change: "created", replacedFault: "has no usable entry tls.crt" },
    { type: "bundle-written", entries: 1 },
    { type: "registration-failed", problem: "cannot read Secret a/b: 403" },
    { type: "registration-recovered" },
    { ...review, outcome: "denied", detail: "" },
    { ...review, outcome: "unchecked", detail: "Penstock is busy" },
    { type: "review-failed", error: new Error("broken") },
  );
  assert.deepEqual(lines, [
    ["warn", "wrote the admission webhook's certificate, because the Secret has no usable entry tls.crt"],
    ["info", "wrote the admission webhook's authorities for the API server"],
    ["error", "the admission webhook is not registered: cannot read Secret a/b: 403; trying again"],
    ["info", "the admission webhook is registered again"],
    ["debug", "admission review: denied"],
    ["warn", "admission review: unchecked"],
    ["error", "a fault of Penstock itself: an object was allowed without a check"],
  ]);
});
