// Rolling updates of an upstream under load: with a preStop hook, without one, and with pods that end the moment they are
// asked to. GETs never fail, since they can be sent again where no answer had begun.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { BackendOptions } from "../support/backend.ts";
import { LoadGenerator, assertNoFailures, describeLoad } from "../support/load-generator.ts";
import type { LoadReport } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";

const REPLICAS = 3;

/** Two updates one after the other, each of every pod. */
async function updateUnderLoad(t: TestContext, namespace: TestNamespace, options: BackendOptions): Promise<LoadReport> {
  await namespace.deployEcho({ replicas: REPLICAS, ...options });
  const host = namespace.host("rollout");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  await namespace.requestUntil({ host }, ({ status }) => status === 200);

  const load = new LoadGenerator({
    target: namespace.target,
    host,
    path: "/?delay=5",
    ratePerSecond: 40,
    timeoutMs: 60_000,
  });
  await load.afterMore(80);
  for (const version of ["2", "3"]) {
    await namespace.deployEcho({ replicas: REPLICAS, ...options, version });
    await namespace.requestUntil({ host }, (answer) => answer.echo().version === version);
  }
  await load.afterMore(240);
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  assert.ok(report.servedBy.size > 2 * REPLICAS, "the load did not meet all three revisions");
  return report;
}

test("an upstream with preStop hooks is updated under load without a failure", async (t) => {
  assertNoFailures(await updateUnderLoad(t, await namespaceFor(t), { preStopSeconds: 5 }));
});

test("an upstream without preStop hooks that finishes what it has is updated under load without a failure", async (t) => {
  assertNoFailures(await updateUnderLoad(t, await namespaceFor(t), {}));
});

test("an upstream whose pods end at once is updated under load, and no GET fails", async (t) => {
  assertNoFailures(await updateUnderLoad(t, await namespaceFor(t), { onSigterm: "exit" }));
});
