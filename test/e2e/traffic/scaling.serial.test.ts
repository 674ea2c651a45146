// Scaling of a Deployment under load, as autoscalers do it: endpoints come and go by the dozen, and no client notices.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LoadGenerator, assertNoFailures, describeLoad } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";

test("a Deployment scales from 1 to 20 and to 3 under load without a failure", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const host = namespace.host("scaling");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  await namespace.requestUntil({ host }, ({ status }) => status === 200);

  const load = new LoadGenerator({ target: namespace.target, host, ratePerSecond: 60, timeoutMs: 60_000 });
  await load.afterMore(80);
  await namespace.scale("echo", 20);
  await namespace.waitForRollout("echo");
  // Every pod gets its share; the last one was ready a moment ago.
  await load.afterMore(300);
  await namespace.scale("echo", 3);
  await namespace.waitForRollout("echo");
  // Those that end are gone from the Deployment's status before their processes have ended.
  await load.afterMore(300);
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  assertNoFailures(report, 600);
  assert.equal(report.servedBy.size, 20, "pods without a request");
});
