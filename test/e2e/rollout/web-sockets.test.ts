// WebSockets while their upstream changes: a tunnel belongs to its pod, and lives as long as that one keeps it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitForObjects } from "../support/api.ts";
import { namespaceFor } from "../support/namespace.ts";
import { WebSocketLoad, assertNoneLost } from "../support/web-socket-load.ts";

const COUNT = 300;

test("WebSockets stay with their pods while others go, and are closed in order with theirs", async (t) => {
  const namespace = await namespaceFor(t);
  const backend = { replicas: 3, onSigterm: "exit" } as const;
  await namespace.deployEcho(backend);
  const host = namespace.host("sockets");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  await namespace.requestUntil({ host }, ({ status }) => status === 200);

  const load = await WebSocketLoad.open({ target: namespace.target, host, count: COUNT });
  await load.afterMore(COUNT);
  const before = load.activeByPod;
  assert.equal(before.size, 3, "pods without a WebSocket");
  assert.equal(load.active, COUNT);

  const [gone = "", ...stay] = before.keys();
  await namespace.delete("Pod", gone);
  const left = COUNT - (before.get(gone) ?? 0);
  await load.untilActiveAtMost(left);
  // Those of the other two go on, also after the endpoints have changed for good.
  await namespace.waitForRollout("echo");
  await load.afterMore(2 * left);
  assert.deepEqual(load.activeByPod, new Map(stay.map((pod) => [pod, before.get(pod)])));

  await namespace.deployEcho({ ...backend, version: "2" });
  await load.untilActiveAtMost(0);
  const report = await load.stop();
  t.diagnostic(
    `${report.opened} opened, ${report.echoed} of ${report.sent} texts came back, ${report.lost.length} closed`,
  );
  assert.deepEqual(report.refused, []);
  assert.deepEqual([...new Set(report.lost)], ["closed"], "WebSockets that did not end in order");
  assert.equal(report.lost.length, COUNT);
});

test("a pod that has WebSockets left keeps them while it ends, though it is no endpoint any more", async (t) => {
  const namespace = await namespaceFor(t);
  const backend = { replicas: 2, onSigterm: "drain", terminationGraceSeconds: 120 } as const;
  await namespace.deployEcho(backend);
  const host = namespace.host("sockets");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  await namespace.requestUntil({ host }, ({ status }) => status === 200);
  const load = await WebSocketLoad.open({ target: namespace.target, host, count: COUNT });

  await namespace.deployEcho({ ...backend, version: "2" });
  await namespace.requestUntil({ host }, (answer) => answer.echo().version === "2", { inARow: 20 });
  await load.afterMore(2 * COUNT);
  const report = await load.stop();
  assertNoneLost(report, COUNT);
  // With the last of them the old pods end, long before their time.
  await waitForObjects(
    { apiVersion: "v1", kind: "Pod", namespace: namespace.name, labelSelector: "app=echo" },
    (pods) => pods.length === 2,
    { what: "the old pods to end" },
  );
});
