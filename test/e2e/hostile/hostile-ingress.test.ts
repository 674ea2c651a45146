// A tenant who means harm, as far as the API server lets him: others are served on, and nothing restarts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostileIngresses } from "../../support/hostile-ingresses.ts";
import { adminPages, metricOf } from "../support/admin.ts";
import { ApiError, waitForObjects } from "../support/api.ts";
import type { KubeObject } from "../support/api.ts";
import { requestUntil } from "../support/http-client.ts";
import { assertNoFailures, describeLoad, LoadGenerator } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import { podsOf, releaseFor, targetOf } from "../support/release.ts";

const KIB = 1024;

test("hostile Ingress objects harm nobody else, and whoever wrote them is told", async (t) => {
  const [victim, attacker] = [await namespaceFor(t), await namespaceFor(t)];
  await victim.deployEcho({ replicas: 2 });
  await attacker.deployEcho({ name: "web" });
  const release = await releaseFor(t, victim.name, { replicaCount: 1, workers: 2 });
  const target = await targetOf(release);
  const host = victim.host("shop");
  await victim.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  await requestUntil(target, { host }, ({ status }) => status === 200);
  // Reading the metrics begins a new interval of the delays.
  await adminPages(release, "/metrics");
  const load = new LoadGenerator({ target, host, ratePerSecond: 50, timeoutMs: 30_000 });
  t.after(() => load.stop());
  await load.afterMore(50);

  const options = {
    namespace: attacker.name,
    ingressClass: release.ingressClass,
    domain: `hostile.${attacker.name}.example`,
    neighbourHost: host,
    annotationBytes: 250 * KIB,
  };
  await Promise.all(hostileIngresses(options).map((ingress) => attacker.apply(ingress as unknown as KubeObject)));
  // What is too much for the API server never reaches us.
  const tooBig = hostileIngresses({ ...options, annotationBytes: KIB * KIB });
  const big = tooBig.find(({ metadata }) => metadata.name === "big-annotations") as unknown as KubeObject;
  await assert.rejects(attacker.apply(big), (error) => error instanceof ApiError && error.code === 422);

  const deep = { host: `many.${options.domain}`, path: "/p/99/9999" };
  await requestUntil(target, deep, ({ status }) => status === 200, { timeoutMs: 60_000 });
  const [metrics = ""] = (await adminPages(release, "/metrics")).values();
  // There are too many to be told of all at once; some have been.
  await waitForObjects(
    { apiVersion: "events.k8s.io/v1", kind: "Event", namespace: attacker.name },
    (all) => all.some(({ type, reason }) => type === "Warning" && reason === "ServiceNotFound"),
    { what: "Events for the attacker" },
  );
  await load.afterMore(50);
  const report = await load.stop();
  const delays = ["0", "1", "main"].map((thread) => {
    const seconds = metricOf(metrics, `penstock_event_loop_delay_seconds{thread="${thread}",quantile="1"}`);
    return `${thread === "main" ? "main thread" : `worker ${thread}`} ${Math.round(seconds * 1000)} ms`;
  });
  t.diagnostic(`${describeLoad(report)}; longest delay: ${delays.join(", ")}`);
  assertNoFailures(report);
  assert.doesNotMatch(metrics, /^penstock_worker_restarts_total\{[^}]*\} [1-9]/m);
  for (const { status } of await podsOf(release)) {
    const { containerStatuses } = status as {
      readonly containerStatuses: readonly { readonly restartCount: number }[];
    };
    assert.equal(containerStatuses[0]?.restartCount, 0);
  }
});
