// The API server is away, for everybody: what was read is served on, replicas stay ready, and what changed is taken in when it
// is back. That Penstock alone is cut off, and the world changes meanwhile, is in cut-off.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { adminPages, metricOf, untilMetric } from "../support/admin.ts";
import { ApiError, callApi, getObject } from "../support/api.ts";
import { ApiRelay } from "../support/api-relay.ts";
import { requireCapabilities } from "../support/capabilities.ts";
import { restartsOf } from "../support/disruption.ts";
import { request, requestUntil } from "../support/http-client.ts";
import { assertNoFailures, describeLoad, LoadGenerator } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { ReadinessWatcher } from "../support/readiness-watcher.ts";
import { leaderOf, podsOf, releaseFor, SHARED_RELEASE, targetOf } from "../support/release.ts";
import type { Release } from "../support/release.ts";

const LISTS = 'penstock_kubernetes_lists_total{resource="ingresses.networking.k8s.io"}';
const CONNECTED = "penstock_kubernetes_api_connected";
const INGRESSES = "/apis/networking.k8s.io/v1/ingresses";
const RATE_PER_SECOND = 50;
const OUTAGE_SECONDS = 60;

/** Waits until the API server answers for what it has stored, and not only to a connection. */
async function untilApiServerAnswers(): Promise<void> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    try {
      if ((await getObject({ apiVersion: "v1", kind: "Namespace", name: SHARED_RELEASE.namespace })) !== null) return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What a replica watched is read anew: to go on from where it was would be to miss what etcd has forgotten. */
async function untilEveryReplicaHasReadAgain(release: Release, before: ReadonlyMap<string, string>): Promise<void> {
  await untilMetric(release, LISTS, (lists, pod) => lists > metricOf(before.get(pod) ?? "", LISTS));
  await untilMetric(release, CONNECTED, (value) => value === 1);
}

async function currentVersion(): Promise<string> {
  const list = (await callApi({ method: "GET", path: `${INGRESSES}?limit=1` })) as {
    readonly metadata: { readonly resourceVersion: string };
  };
  return list.metadata.resourceVersion;
}

/** Whoever goes on from there is told 410, at once or by the first event: the premise of these tests. */
async function assertForgotten(version: string): Promise<void> {
  const path = `${INGRESSES}?watch=1&resourceVersion=${version}&timeoutSeconds=5`;
  try {
    const { code } = ((await callApi({ method: "GET", path })) as { readonly object?: { readonly code?: number } })
      .object ?? { code: undefined };
    assert.equal(code, 410, "a watch from before the outage goes on");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    assert.equal(error.code, 410);
  }
}

interface Site {
  readonly kept: string;
  readonly removed: string;
  readonly added: string;
}

async function serveSite(namespace: TestNamespace, release: Release): Promise<Site> {
  await namespace.deployEcho({ replicas: 3 });
  const target = await targetOf(release);
  const { ingressClass } = release;
  const site = { kept: namespace.host("kept"), removed: namespace.host("removed"), added: namespace.host("added") };
  await namespace.applyIngress({ name: "kept", ingressClass, rules: { [site.kept]: [{ path: "/" }] } });
  await namespace.applyIngress({ name: "removed", ingressClass, rules: { [site.removed]: [{ path: "/" }] } });
  await requestUntil(target, { host: site.kept }, ({ status }) => status === 200);
  await requestUntil(target, { host: site.removed }, ({ status }) => status === 200);
  return site;
}

/** One Ingress comes, another goes, a pod is replaced, and more pods come. */
async function changeWorld(namespace: TestNamespace, release: Release, site: Site): Promise<void> {
  await namespace.delete("Ingress", "removed");
  const { ingressClass } = release;
  await namespace.applyIngress({ name: "added", ingressClass, rules: { [site.added]: [{ path: "/" }] } });
  const [gone] = await namespace.list("Pod", "app=echo");
  await namespace.delete("Pod", gone?.metadata.name ?? "");
  await namespace.scale("echo", 5);
}

async function assertCaughtUp(t: TestContext, namespace: TestNamespace, release: Release, site: Site): Promise<void> {
  const target = await targetOf(release);
  const limits = { timeoutMs: 120_000 };
  await requestUntil(target, { host: site.added }, ({ status }) => status === 200, limits);
  await requestUntil(target, { host: site.removed }, ({ status }) => status === 404, limits);
  await namespace.waitForRollout("echo");
  const load = new LoadGenerator({ target, host: site.kept, ratePerSecond: RATE_PER_SECOND });
  t.after(() => load.stop());
  for (const { metadata } of await namespace.list("Pod", "app=echo")) {
    await load.servedBy((pod) => pod === metadata.name);
  }
  await load.stop();
  await namespace.waitFor("Ingress", "added", (ingress) => JSON.stringify(ingress?.["status"] ?? {}).includes('"ip"'), {
    ...limits,
    what: "a leader that writes the status of the new Ingress",
  });
}

/** A backend's process ends while nobody can tell of it; its kubelet starts it again under the same address. */
async function crashBackend(namespace: TestNamespace, host: string): Promise<void> {
  // A POST is not sent again to another one.
  const answer = await namespace.request({ host, path: "/-/exit", method: "POST", timeoutMs: 30_000 });
  assert.ok(answer.status >= 500, `the backend answered ${answer.status} instead of ending`);
}

test("a minute without the API server: all is served on, though a backend crashes, then nothing is missed", async (t) => {
  const cluster = requireCapabilities(t, "stopApiServer", "startApiServer");
  if (cluster === null) return;
  const namespace = await namespaceFor(t);
  const site = await serveSite(namespace, SHARED_RELEASE);
  const restartsBefore = (await podsOf(SHARED_RELEASE)).map(restartsOf);
  const readiness = await ReadinessWatcher.start(namespace, SHARED_RELEASE);
  const load = new LoadGenerator({ target: namespace.target, host: site.kept, ratePerSecond: RATE_PER_SECOND });
  t.after(() => load.stop());
  t.after(() => cluster.startApiServer());
  await load.afterMore(RATE_PER_SECOND);

  await cluster.stopApiServer();
  await load.afterMore((RATE_PER_SECOND * OUTAGE_SECONDS) / 2);
  await crashBackend(namespace, site.kept);
  await load.afterMore((RATE_PER_SECOND * OUTAGE_SECONDS) / 2);
  await cluster.startApiServer();
  await untilApiServerAnswers();
  await changeWorld(namespace, SHARED_RELEASE, site);
  await untilMetric(SHARED_RELEASE, CONNECTED, (value) => value === 1);
  await load.afterMore(RATE_PER_SECOND);
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  await assertCaughtUp(t, namespace, SHARED_RELEASE, site);

  assertNoFailures(report, RATE_PER_SECOND * OUTAGE_SECONDS);
  await readiness.assertAlwaysReady(OUTAGE_SECONDS);
  assert.deepEqual((await podsOf(SHARED_RELEASE)).map(restartsOf), restartsBefore, "a container was restarted");
  assert.notEqual(await leaderOf(SHARED_RELEASE), "");
});

test("what came and went while watches could not go on is noticed, though no watch will ever tell", async (t) => {
  const cluster = requireCapabilities(t, "stopApiServer", "startApiServer", "compactEtcd");
  if (cluster === null) return;
  const namespace = await namespaceFor(t);
  const relay = await ApiRelay.start(namespace);
  const release = await releaseFor(t, namespace.name, { replicaCount: 2, ...relay.values });
  const site = await serveSite(namespace, release);
  const target = await targetOf(release);
  const metricsBefore = await adminPages(release, "/metrics");
  const versionBefore = await currentVersion();
  const load = new LoadGenerator({ target, host: site.kept, ratePerSecond: RATE_PER_SECOND });
  t.after(() => load.stop());
  t.after(() => cluster.startApiServer());

  await relay.become("refused");
  await changeWorld(namespace, release, site);
  await namespace.waitForRollout("echo");
  // A new API server remembers nothing, and etcd nothing from before.
  await cluster.stopApiServer();
  await cluster.compactEtcd();
  await cluster.startApiServer();
  await untilApiServerAnswers();
  await assertForgotten(versionBefore);
  assert.equal((await request(target, { host: site.removed })).status, 200, "it was not cut off");
  await relay.become("open");
  await untilEveryReplicaHasReadAgain(release, metricsBefore);
  await load.afterMore(RATE_PER_SECOND);
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  await assertCaughtUp(t, namespace, release, site);
  assertNoFailures(report, RATE_PER_SECOND);
});
