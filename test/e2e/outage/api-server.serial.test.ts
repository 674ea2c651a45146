// The API server is away: what was read is served on, replicas stay ready, and what changed is taken in when it is back.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { getObject } from "../support/api.ts";
import type { KubeObject } from "../support/api.ts";
import { adminPages, metricOf } from "../support/admin.ts";
import { requireCapabilities } from "../support/capabilities.ts";
import { kubectl } from "../support/kubectl.ts";
import { assertNoFailures, describeLoad, LoadGenerator } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { leaderOf, podsOf, SHARED_RELEASE } from "../support/release.ts";
import { SETTINGS } from "../support/settings.ts";

const LISTS = 'penstock_kubernetes_lists_total{resource="ingresses.networking.k8s.io"}';
const RATE_PER_SECOND = 50;
const OUTAGE_SECONDS = 60;

/** Asks /readyz of each replica all the time, from within the cluster, and says how often it got which answer. */
function readinessWatcher(addresses: readonly string[]): KubeObject {
  const script = `
    const counts = {};
    const ask = async (address) => {
      let answer;
      try {
        answer = (await fetch("http://" + address + ":10254/readyz", { signal: AbortSignal.timeout(10_000) })).status;
      } catch (error) { answer = String(error.cause?.code ?? error.name); }
      counts[answer] = (counts[answer] ?? 0) + 1;
      setTimeout(ask, 200, address);
    };
    process.on("SIGTERM", () => process.exit(0));
    setInterval(() => console.log(JSON.stringify(counts)), 1_000);
    for (const address of ${JSON.stringify(addresses)}) void ask(address);`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "watcher" },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "watcher",
          image: SETTINGS.image,
          command: ["/usr/local/bin/node", "--input-type=module", "--eval", script],
        },
      ],
    },
  };
}

async function startWatcher(namespace: TestNamespace): Promise<() => Promise<Readonly<Record<string, number>>>> {
  const addresses = (await podsOf(SHARED_RELEASE)).map(({ status }) => (status as { readonly podIP: string }).podIP);
  await namespace.apply(readinessWatcher(addresses));
  await namespace.waitFor("Pod", "watcher", (pod) => (pod?.["status"] as { phase?: string })?.phase === "Running");
  return async () => {
    const lines = (await kubectl(["logs", "watcher", "--namespace", namespace.name, "--tail", "1"])).trim();
    return JSON.parse(lines) as Readonly<Record<string, number>>;
  };
}

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

/**
 * Each replica comes back by itself, and by the rules that its own node has for the API server's Service. What it watched is
 * read anew: to go on from where it was would be to miss what etcd has forgotten.
 */
async function untilEveryReplicaHasReadAgain(before: ReadonlyMap<string, string>): Promise<void> {
  const deadline = performance.now() + 240_000;
  for (;;) {
    // Port forwarding goes through the API server and kubelets, which come back one by one as well.
    const pages = await adminPages(SHARED_RELEASE, "/metrics").catch((): ReadonlyMap<string, string> => new Map());
    const hasReadAgain = ([pod, page]: readonly [string, string]): boolean =>
      metricOf(page, "penstock_kubernetes_api_connected") === 1 &&
      metricOf(page, LISTS) > metricOf(before.get(pod) ?? "", LISTS);
    if (pages.size > 0 && Array.from(pages).every(hasReadAgain)) return;
    if (performance.now() > deadline) throw new Error("some replica has not read the Ingress objects again");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function restartCounts(): Promise<readonly number[]> {
  const pods = await podsOf(SHARED_RELEASE);
  return pods.flatMap(({ status }) =>
    (status as { containerStatuses: { restartCount: number }[] }).containerStatuses.map((each) => each.restartCount),
  );
}

interface Site {
  readonly kept: string;
  readonly removed: string;
  readonly added: string;
}

async function serveSite(t: TestContext): Promise<{ namespace: TestNamespace; site: Site }> {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho({ replicas: 2 });
  const site = { kept: namespace.host("kept"), removed: namespace.host("removed"), added: namespace.host("added") };
  await namespace.applyIngress({ name: "kept", rules: { [site.kept]: [{ path: "/" }] } });
  await namespace.applyIngress({ name: "removed", rules: { [site.removed]: [{ path: "/" }] } });
  await namespace.requestUntil({ host: site.kept }, ({ status }) => status === 200);
  await namespace.requestUntil({ host: site.removed }, ({ status }) => status === 200);
  return { namespace, site };
}

/** As soon as the API server answers: one thing comes, another goes. */
async function changeWorld(namespace: TestNamespace, site: Site): Promise<void> {
  await namespace.delete("Ingress", "removed");
  await namespace.applyIngress({ name: "added", rules: { [site.added]: [{ path: "/" }] } });
}

async function assertCaughtUp(namespace: TestNamespace, site: Site): Promise<void> {
  await namespace.requestUntil({ host: site.added }, ({ status }) => status === 200, { timeoutMs: 120_000 });
  await namespace.requestUntil({ host: site.removed }, ({ status }) => status === 404, { timeoutMs: 120_000 });
  await namespace.waitFor("Ingress", "added", (ingress) => JSON.stringify(ingress?.["status"] ?? {}).includes("ip"), {
    timeoutMs: 120_000,
    what: "a leader that writes the status of the new Ingress",
  });
}

test("a minute without the API server, and etcd has forgotten what watches go on from: all is served on, then nothing is missed", async (t) => {
  const cluster = requireCapabilities(t, "stopApiServer", "startApiServer", "compactEtcd");
  if (cluster === null) return;
  const { namespace, site } = await serveSite(t);
  const restartsBefore = await restartCounts();
  const readiness = await startWatcher(namespace);
  const metricsBefore = await adminPages(SHARED_RELEASE, "/metrics");
  const load = new LoadGenerator({ target: namespace.target, host: site.kept, ratePerSecond: RATE_PER_SECOND });
  t.after(() => load.stop());
  t.after(() => cluster.startApiServer());
  await load.afterMore(RATE_PER_SECOND);

  await cluster.stopApiServer();
  await load.afterMore(RATE_PER_SECOND * OUTAGE_SECONDS);
  await cluster.compactEtcd();
  await cluster.startApiServer();
  await untilApiServerAnswers();
  await changeWorld(namespace, site);
  await untilEveryReplicaHasReadAgain(metricsBefore);
  await assertCaughtUp(namespace, site);
  await load.afterMore(RATE_PER_SECOND);

  const report = await load.stop();
  assertNoFailures(report, RATE_PER_SECOND * OUTAGE_SECONDS);
  const answers = await readiness();
  t.diagnostic(`${describeLoad(report)}; /readyz: ${JSON.stringify(answers)}`);
  assert.deepEqual(Object.keys(answers), ["200"], `/readyz answered ${JSON.stringify(answers)}`);
  assert.ok((answers["200"] ?? 0) > OUTAGE_SECONDS, "nobody asked for readiness");
  assert.deepEqual(await restartCounts(), restartsBefore, "a container was restarted");
  assert.notEqual(await leaderOf(SHARED_RELEASE), "");
});
