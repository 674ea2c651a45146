// A release from its installation to its end, by helm as users run it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitForObjects } from "../support/api.ts";
import { helm, kubectl } from "../support/kubectl.ts";
import { assertNoFailures, describeLoad, LoadGenerator } from "../support/load-generator.ts";
import { requestUntil } from "../support/http-client.ts";
import { namespaceFor } from "../support/namespace.ts";
import { installRelease, podsOf, releaseFor, targetOf, uninstallRelease } from "../support/release.ts";
import type { ChartValues } from "../support/release.ts";

test("upgrades that change values lose no request, and helm test passes before and after", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho({ replicas: 2 });
  // Long enough for nodes to learn that a pod ends, also where the machine has more to do than it can.
  const drainDelay = "15s";
  const release = await releaseFor(t, namespace.name, { replicaCount: 2, workers: 1, drainDelay });
  const helmTest = (): Promise<string> => helm(["test", release.name, "--namespace", release.namespace]);
  assert.match(await helmTest(), /Phase:\s+Succeeded/);
  const target = await targetOf(release);
  const host = namespace.host("shop");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  await requestUntil(target, { host }, ({ status }) => status === 200);

  const load = new LoadGenerator({ target, host, ratePerSecond: 50, timeoutMs: 30_000 });
  t.after(() => load.stop());
  await load.afterMore(50);
  const changes: readonly ChartValues[] = [
    { drainDelay, replicaCount: 2, workers: 2, config: { "log-level": "debug" }, podAnnotations: { revision: "2" } },
    {
      drainDelay,
      replicaCount: 3,
      workers: 1,
      metrics: { service: { enabled: false } },
      networkPolicy: { enabled: true },
    },
  ];
  for (const values of changes) {
    const before = (await podsOf(release)).map(({ metadata }) => metadata.name);
    await installRelease(release, values);
    await waitForObjects(
      { apiVersion: "v1", kind: "Pod", namespace: namespace.name },
      (all) => !all.some(({ metadata }) => before.includes(metadata.name)),
      { timeoutMs: 240_000, what: "the end of the pods of the revision before" },
    );
    await load.afterMore(50);
  }
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  assertNoFailures(report, 200);
  assert.equal((await podsOf(release)).length, 3);
  assert.match(await helmTest(), /Phase:\s+Succeeded/);
});

/** `kind/name` of everything in a namespace but what the cluster makes by itself in any. */
async function contentsOf(namespace: string): Promise<readonly string[]> {
  const list = ["api-resources", "--verbs=list", "--namespaced", "--output=name"];
  const kinds = (await kubectl(list))
    .trim()
    .split("\n")
    .filter((kind) => !kind.startsWith("events"));
  const args = ["get", kinds.join(","), "--namespace", namespace, "--output=name", "--ignore-not-found"];
  const names = (await kubectl(args)).trim().split("\n");
  return names.filter((name) => !["configmap/kube-root-ca.crt", "serviceaccount/default"].includes(name)).toSorted();
}

async function clusterObjectsOf(release: string): Promise<readonly string[]> {
  const list = ["api-resources", "--verbs=list", "--namespaced=false", "--output=name"];
  const kinds = (await kubectl(list))
    .trim()
    .split("\n")
    .filter((kind) => !kind.startsWith("componentstatus"));
  const selector = `app.kubernetes.io/instance=${release}`;
  const names = (await kubectl(["get", kinds.join(","), "--selector", selector, "--output=name"])).trim();
  return names === "" ? [] : names.split("\n");
}

test("an uninstalled release leaves the Lease of the leader and the webhook's Secret, as documented, and nothing else", async (t) => {
  const namespace = await namespaceFor(t);
  const everything: ChartValues = {
    replicaCount: 2,
    webhook: {
      enabled: true,
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace.name } },
    },
    networkPolicy: { enabled: true },
    config: { "log-level": "info" },
    ingressClass: { aliases: [`${namespace.name}-alias`] },
    service: { internal: { enabled: true, type: "ClusterIP" } },
  };
  const release = await releaseFor(t, namespace.name, everything);
  const secret = `${release.name}-penstock-webhook-tls`;
  await namespace.waitFor("Secret", secret, (object) => object !== null);
  await waitForObjects(
    { apiVersion: "coordination.k8s.io/v1", kind: "Lease", namespace: namespace.name },
    (all) => all.length === 1,
  );
  assert.ok((await contentsOf(namespace.name)).length > 10);
  assert.ok((await clusterObjectsOf(release.name)).length >= 4);

  await uninstallRelease(release);
  await waitForObjects({ apiVersion: "v1", kind: "Pod", namespace: namespace.name }, (all) => all.length === 0);
  await waitForObjects(
    { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", namespace: namespace.name },
    (all) => all.length === 0,
  );
  assert.deepEqual(await contentsOf(namespace.name), [
    `lease.coordination.k8s.io/${release.name}-penstock-leader`,
    `secret/${secret}`,
  ]);
  assert.deepEqual(await clusterObjectsOf(release.name), []);
});

test("values that are no values of the chart are refused before anything is changed", async (t) => {
  const namespace = await namespaceFor(t);
  const release = { name: namespace.name, namespace: namespace.name, ingressClass: namespace.name };
  await assert.rejects(installRelease(release, { replicaCuont: 3 }), /replicaCuont/);
  assert.deepEqual(await contentsOf(namespace.name), []);
});
