// A worker is drained for maintenance: everything on it moves, and no client notices.
import assert from "node:assert/strict";
import { test } from "node:test";
import { listObjects } from "../support/api.ts";
import { requestUntil } from "../support/http-client.ts";
import { kubectl } from "../support/kubectl.ts";
import { LoadGenerator, assertNoFailures, describeLoad } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import { workersOf } from "../support/nodes.ts";
import { podsOf, releaseFor, targetOf } from "../support/release.ts";

test("a worker is drained under load without a failed request", async (t) => {
  const workers = await workersOf();
  if (workers.length < 2) {
    t.skip("there is no second worker that pods could move to");
    return;
  }
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([
    releaseFor(t, namespace.name, { replicaCount: 2 }),
    namespace.deployEcho({ replicas: 4, preStopSeconds: 2 }),
  ]);
  const host = namespace.host("site");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  const target = await targetOf(release);
  await requestUntil(target, { host }, ({ status }) => status === 200);
  const nodeOf = (pod: { readonly [field: string]: unknown }): string =>
    (pod["spec"] as { readonly nodeName?: string }).nodeName ?? "";
  const drained = nodeOf((await podsOf(release))[0] ?? {});
  assert.ok(workers.includes(drained), `${drained} is no worker`);

  const load = new LoadGenerator({ target, host, path: "/?delay=10", ratePerSecond: 40, timeoutMs: 60_000 });
  await load.afterMore(60);
  t.after(() => kubectl(["uncordon", drained]));
  await kubectl(["drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=240s"], {
    timeoutMs: 300_000,
  });
  await namespace.waitForRollout("echo");
  await load.afterMore(180);
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  assertNoFailures(report, 240);
  const left = await listObjects({ apiVersion: "v1", kind: "Pod", namespace: namespace.name });
  assert.deepEqual(
    left.filter((pod) => nodeOf(pod) === drained).map(({ metadata }) => metadata.name),
    [],
    "pods on the drained node",
  );
});
