// Rolling updates of Penstock itself under load: no request fails, and WebSockets have the grace time to end.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { waitForObjects } from "../support/api.ts";
import { requestUntil } from "../support/http-client.ts";
import type { Target } from "../support/http-client.ts";
import { LoadGenerator, assertNoFailures, describeLoad } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import { installRelease, podsOf, releaseFor, targetOf } from "../support/release.ts";
import type { ChartValues, Release } from "../support/release.ts";
import { WebSocketLoad, assertNoneLost } from "../support/web-socket-load.ts";

interface Site {
  readonly release: Release;
  readonly target: Target;
  readonly host: string;
}

/** A release of its own with an Ingress that it serves. */
async function siteFor(t: TestContext, values: ChartValues): Promise<Site> {
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([releaseFor(t, namespace.name, values), namespace.deployEcho({ replicas: 2 })]);
  const host = namespace.host("site");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  const target = await targetOf(release);
  await requestUntil(target, { host }, ({ status }) => status === 200);
  return { release, target, host };
}

/** Waits until the pods of the release are those and no others, ending ones included. */
async function waitForPodsOtherThan(release: Release, former: ReadonlySet<string>): Promise<void> {
  await waitForObjects(
    {
      apiVersion: "v1",
      kind: "Pod",
      namespace: release.namespace,
      labelSelector: `app.kubernetes.io/instance=${release.name}`,
    },
    (pods) => pods.every(({ metadata }) => !former.has(metadata.name)),
    { timeoutMs: 120_000, what: "the former pods to be gone" },
  );
}

const namesOf = async (release: Release): Promise<ReadonlySet<string>> =>
  new Set((await podsOf(release)).map(({ metadata }) => metadata.name));

test("Penstock is updated under load without a failed request", async (t) => {
  const values = { replicaCount: 2 };
  const { release, target, host } = await siteFor(t, values);
  const former = await namesOf(release);
  const loads = (["http", "https"] as const).map(
    (scheme) => new LoadGenerator({ target, host, scheme, path: "/?delay=10", ratePerSecond: 25, timeoutMs: 60_000 }),
  );
  await Promise.all(loads.map((load) => load.afterMore(80)));
  await installRelease(release, { ...values, podAnnotations: { rollout: "2" } });
  await waitForPodsOtherThan(release, former);
  await Promise.all(loads.map((load) => load.afterMore(80)));
  for (const load of loads) {
    const report = await load.stop();
    t.diagnostic(describeLoad(report));
    assertNoFailures(report, 200);
  }
});

test("WebSockets outlast an update of Penstock, and old pods end with the last of them", async (t) => {
  const count = 300;
  const values = { replicaCount: 2, shutdownGrace: "4m" };
  const { release, target, host } = await siteFor(t, values);
  const former = await namesOf(release);
  const load = await WebSocketLoad.open({ target, host, count });
  await load.afterMore(count);
  await installRelease(release, { ...values, podAnnotations: { rollout: "2" } });
  // Only the new pods take connections now.
  await requestUntil(target, { host }, ({ status }) => status === 200);
  await load.afterMore(3 * count);
  const report = await load.stop();
  t.diagnostic(`${report.opened} opened, ${report.echoed} of ${report.sent} texts came back`);
  assertNoneLost(report, count);
  await waitForPodsOtherThan(release, former);
});

test("WebSockets that outlast the grace time are closed in order, and their clients can come back", async (t) => {
  const count = 100;
  const values = { replicaCount: 2, drainDelay: "2s", shutdownGrace: "2s" };
  const { release, target, host } = await siteFor(t, values);
  const former = await namesOf(release);
  const load = await WebSocketLoad.open({ target, host, count });
  await load.afterMore(count);
  await installRelease(release, { ...values, podAnnotations: { rollout: "2" } });
  await load.untilActiveAtMost(0);
  const report = await load.stop();
  assert.deepEqual([...new Set(report.lost)], ["closed"], "WebSockets that did not end in order");
  await waitForPodsOtherThan(release, former);
  // Whoever comes back is served.
  const again = await WebSocketLoad.open({ target, host, count });
  await again.afterMore(count);
  assert.deepEqual((await again.stop()).refused, []);
});
