// A worker is lost as with its power: no connection ends, nobody says anything, and for 40 to 50 seconds its pods are still
// listed as endpoints. What clients see meanwhile, and how little of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitForObject, waitForObjects } from "../support/api.ts";
import { requireCapabilities } from "../support/capabilities.ts";
import { requestUntil } from "../support/http-client.ts";
import { LoadGenerator, assertFailuresAtMost, describeLoad } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import { EVERY_NODE, isNodeReady, workersOf } from "../support/nodes.ts";
import { releaseFor, targetOf } from "../support/release.ts";

const HOSTNAME = "kubernetes.io/hostname";

test("a worker that is lost without a word costs what was on its way there, and little else", async (t) => {
  const cluster = requireCapabilities(t, "stopNode", "startNode");
  if (cluster === null) return;
  const victim = (await workersOf()).at(-1);
  if (victim === undefined) {
    t.skip("there is no worker to lose");
    return;
  }
  const namespace = await namespaceFor(t);
  const backend = {
    replicas: 3,
    podSpec: {
      tolerations: EVERY_NODE,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: HOSTNAME,
          whenUnsatisfiable: "DoNotSchedule",
          nodeTaintsPolicy: "Honor",
          labelSelector: { matchLabels: { app: "echo" } },
        },
      ],
    },
  };
  // Penstock runs elsewhere: that a lost replica's share of connections waits for the load balancer is not its to mend.
  const elsewhere = [{ matchExpressions: [{ key: HOSTNAME, operator: "NotIn", values: [victim] }] }];
  const [release] = await Promise.all([
    releaseFor(t, namespace.name, {
      replicaCount: 2,
      tolerations: EVERY_NODE,
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: elsewhere } } },
    }),
    namespace.deployEcho(backend),
  ]);
  const host = namespace.host("site");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  const target = await targetOf(release);
  await requestUntil(target, { host }, ({ status }) => status === 200);
  const pods = await namespace.list("Pod", "app=echo");
  const lost = pods.find((pod) => (pod["spec"] as { readonly nodeName?: string }).nodeName === victim);
  assert.ok(lost !== undefined, `no pod on ${victim}`);

  const load = new LoadGenerator({ target, host, path: "/?delay=10", ratePerSecond: 60 });
  await load.servedBy((pod) => pod === lost.metadata.name);
  await load.afterMore(120);
  let isStopped = true;
  t.after(async () => {
    if (isStopped) await cluster.startNode({ NODE: victim });
  });
  await cluster.stopNode({ NODE: victim });
  const node = { apiVersion: "v1", kind: "Node", name: victim };
  await waitForObject(node, (object) => !isNodeReady(object), { timeoutMs: 120_000, what: "the loss to be noticed" });
  await waitForObjects(
    { apiVersion: "v1", kind: "Pod", namespace: namespace.name, labelSelector: "app=echo" },
    (objects) => objects.some((pod) => pod.metadata.uid === lost.metadata.uid && !isPodReady(pod)),
    { what: "the lost pod to be no endpoint" },
  );
  // Those that still wait have their time-out behind them when the load has gone on for longer than that.
  const report = await endAfterTimeouts(load);
  t.diagnostic(describeLoad(report));
  const share = (report.sent - report.succeeded) / report.sent;
  t.diagnostic(`${(100 * share).toFixed(2)} % of the requests failed during the outage`);
  assert.deepEqual(
    [...report.failuresByKind.keys()].filter((kind) => kind !== "timeout"),
    [],
    "failures other than requests that nobody answered",
  );
  assertFailuresAtMost(report, Math.ceil(report.sent / 100));

  await cluster.startNode({ NODE: victim });
  isStopped = false;
  await waitForObject(node, isNodeReady, { timeoutMs: 120_000, what: "the node to be back" });
  await requestUntil(target, { host }, ({ status }) => status === 200);
});

function isPodReady(pod: { readonly [field: string]: unknown }): boolean {
  const { conditions = [] } = (pod["status"] ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

async function endAfterTimeouts(load: LoadGenerator): Promise<Awaited<ReturnType<LoadGenerator["stop"]>>> {
  await load.afterMore(120);
  return load.stop();
}
