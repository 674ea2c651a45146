// Evictions, as `kubectl drain` and autoscalers of nodes ask for them: the budget holds, and no request fails.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, waitForObject } from "../support/api.ts";
import { evict, waitUntilGone } from "../support/disruption.ts";
import { requestUntil } from "../support/http-client.ts";
import { LoadGenerator, assertNoFailures, describeLoad } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import { podsOf, releaseFor, targetOf } from "../support/release.ts";

test("pods are evicted one after the other under load, within the budget and without a failed request", async (t) => {
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([
    releaseFor(t, namespace.name, { replicaCount: 2 }),
    namespace.deployEcho({ replicas: 2 }),
  ]);
  const host = namespace.host("site");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  const target = await targetOf(release);
  await requestUntil(target, { host }, ({ status }) => status === 200);
  const pods = (await podsOf(release)).map(({ metadata }) => metadata.name);
  assert.equal(pods.length, 2);

  const load = new LoadGenerator({ target, host, path: "/?delay=10", ratePerSecond: 40, timeoutMs: 60_000 });
  await load.afterMore(60);
  const [first = "", second = ""] = pods;
  await waitForBudget(release.namespace);
  await evict(release.namespace, first);
  await assert.rejects(evict(release.namespace, second), (error) => error instanceof ApiError && error.code === 429);
  await waitUntilGone(release.namespace, first);
  await waitForBudget(release.namespace);
  await evict(release.namespace, second);
  await waitUntilGone(release.namespace, second);
  await load.afterMore(120);
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  assertNoFailures(report, 240);
});

/** Waits until the budget allows another eviction: the one before is made good. */
async function waitForBudget(namespace: string): Promise<void> {
  await waitForObject(
    { apiVersion: "policy/v1", kind: "PodDisruptionBudget", namespace, name: `${namespace}-penstock` },
    (budget) => {
      const { disruptionsAllowed = 0 } = (budget?.["status"] ?? {}) as { readonly disruptionsAllowed?: number };
      return disruptionsAllowed > 0;
    },
    { timeoutMs: 120_000, what: "a disruption to be allowed" },
  );
}
