// A Penstock pod that dies without a word under load: what was on it breaks, once, and everything else goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { getObject, waitForObject, waitForObjects } from "../support/api.ts";
import type { KubeObject } from "../support/api.ts";
import { deleteWithoutGrace, isReady, killProcess, restartsOf } from "../support/disruption.ts";
import { requestUntil } from "../support/http-client.ts";
import { LoadGenerator, assertFailuresAtMost, describeLoad } from "../support/load-generator.ts";
import type { LoadReport } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { podsOf, releaseFor, targetOf } from "../support/release.ts";
import type { Release } from "../support/release.ts";

const REPLICAS = 3;

async function loseOneUnderLoad(
  t: TestContext,
  lose: (namespace: TestNamespace, release: Release, victim: KubeObject) => Promise<void>,
): Promise<LoadReport> {
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([
    releaseFor(t, namespace.name, { replicaCount: REPLICAS }),
    namespace.deployEcho({ replicas: 2 }),
  ]);
  const host = namespace.host("site");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  const target = await targetOf(release);
  await requestUntil(target, { host }, ({ status }) => status === 200);
  const [victim] = await podsOf(release);
  assert.ok(victim !== undefined);

  const load = new LoadGenerator({ target, host, path: "/?delay=10", ratePerSecond: 40, timeoutMs: 60_000 });
  await load.afterMore(120);
  await lose(namespace, release, victim);
  // The cluster has taken notice: from here on nothing may fail.
  const failedBefore = load.failed;
  await load.afterMore(300);
  assert.equal(load.failed, failedBefore, "requests failed after the pod was replaced");
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  return report;
}

/**
 * Connections on the pod break; until the endpoints of the Service have changed, new ones to it are refused. Nothing waits
 * until its timeout, and Penstock answers no error of its own.
 */
function assertOnlyBrokenConnections(report: LoadReport): void {
  const kinds = [...report.failuresByKind.keys()];
  assert.deepEqual(
    kinds.filter((kind) => !["reset", "cut body", "connect ECONNREFUSED", "connect EHOSTUNREACH"].includes(kind)),
    [],
    describeLoad(report),
  );
  // New connections went to the dead pod for no longer than the kubelet takes to notice, each a share of them.
  assertFailuresAtMost(report, Math.floor(report.sent / REPLICAS));
}

test("a killed process costs the connections on it, and its pod serves again after a restart", async (t) => {
  const report = await loseOneUnderLoad(t, async (namespace, { namespace: name }, victim) => {
    const reference = { apiVersion: "v1", kind: "Pod", namespace: name, name: victim.metadata.name };
    await killProcess(namespace, victim);
    await waitForObject(reference, (pod) => restartsOf(pod) > 0 && isReady(pod), {
      timeoutMs: 120_000,
      what: "the container to be ready again",
    });
    assert.equal((await getObject(reference))?.metadata.uid, victim.metadata.uid);
  });
  assertOnlyBrokenConnections(report);
});

test("a pod that is deleted without grace costs the connections on it, and another takes its place", async (t) => {
  const report = await loseOneUnderLoad(t, async (_namespace, release, victim) => {
    await deleteWithoutGrace(release.namespace, victim.metadata.name);
    await waitForObjects(
      {
        apiVersion: "v1",
        kind: "Pod",
        namespace: release.namespace,
        labelSelector: `app.kubernetes.io/instance=${release.name}`,
      },
      (pods) => pods.filter((pod) => isReady(pod) && pod.metadata.uid !== victim.metadata.uid).length === REPLICAS,
      { timeoutMs: 120_000, what: "a pod in place of the deleted one" },
    );
  });
  assertOnlyBrokenConnections(report);
});
