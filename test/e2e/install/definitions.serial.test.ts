// The definitions of penstock.dev, which belong to the shared release: upgraded with it, and noticed when they come late.
import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parse, stringify } from "yaml";
import { adminPages, metricOf } from "../support/admin.ts";
import { applyObject, deleteObject, getObject, waitForObject } from "../support/api.ts";
import type { KubeObject, ObjectReference } from "../support/api.ts";
import { helm } from "../support/kubectl.ts";
import { namespaceFor } from "../support/namespace.ts";
import { CHART, podsOf, SHARED_RELEASE } from "../support/release.ts";

const ROUTE_POLICIES: ObjectReference = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  name: "routepolicies.penstock.dev",
};

interface DefinitionSpec {
  readonly names: { shortNames?: readonly string[] };
  readonly versions: readonly { additionalPrinterColumns?: unknown }[];
}

const specOf = (object: KubeObject | null): DefinitionSpec => object?.["spec"] as DefinitionSpec;

/** The chart as an earlier version might have been: its definitions lack their columns and short names. */
async function olderChart(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "penstock-chart-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(CHART, folder, { recursive: true });
  const definitions = join(folder, "files/crds");
  for (const file of await readdir(definitions)) {
    const definition = parse(await readFile(join(definitions, file), "utf8")) as { spec: DefinitionSpec };
    delete definition.spec.names.shortNames;
    for (const version of definition.spec.versions) delete version.additionalPrinterColumns;
    await writeFile(join(definitions, file), stringify(definition));
  }
  return folder;
}

function upgrade(chart: string): Promise<string> {
  const { name, namespace } = SHARED_RELEASE;
  return helm(["upgrade", name, chart, "--namespace", namespace, "--reuse-values", "--wait", "--timeout", "240s"]);
}

function isEstablished(object: KubeObject | null): boolean {
  const { conditions = [] } = (object?.["status"] ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.some(({ type, status }) => type === "Established" && status === "True");
}

test("an upgrade of the chart upgrades the definitions", async (t) => {
  t.after(() => upgrade(CHART));
  const current = specOf(await getObject(ROUTE_POLICIES));
  await upgrade(await olderChart(t));
  const older = specOf(await getObject(ROUTE_POLICIES));
  assert.deepEqual([older.names.shortNames, current.names.shortNames?.length], [undefined, 1]);
  assert.notDeepEqual(older.versions[0]?.additionalPrinterColumns, current.versions[0]?.additionalPrinterColumns);
  await upgrade(CHART);
  assert.deepEqual(specOf(await getObject(ROUTE_POLICIES)), current);
});

test("a kind whose definition is taken away and comes back is served without a restart", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const host = namespace.host("shop");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  const policy: KubeObject = {
    apiVersion: "penstock.dev/v1alpha1",
    kind: "RoutePolicy",
    metadata: { name: "limits" },
    spec: {
      targetRefs: [{ group: "networking.k8s.io", kind: "Ingress", name: "web" }],
      timeouts: { response: "200ms" },
      retry: { attempts: 1 },
    },
  };
  const slow = { host, path: "/?delay=1000" };
  await namespace.apply(policy);
  await namespace.requestUntil(slow, ({ status }) => status === 504);
  const pods = (await podsOf(SHARED_RELEASE)).map(({ metadata }) => metadata.name).toSorted();

  const definition = await getObject(ROUTE_POLICIES);
  const { annotations = {}, labels = {}, name } = definition?.metadata ?? { name: "" };
  const { apiVersion, kind } = ROUTE_POLICIES;
  const again = { apiVersion, kind, metadata: { name, annotations, labels }, spec: definition?.["spec"] };
  t.after(() => applyObject(again));
  await deleteObject(ROUTE_POLICIES);
  await waitForObject(ROUTE_POLICIES, (object) => object === null);
  await namespace.requestUntil(slow, ({ status }) => status === 200, { timeoutMs: 120_000, inARow: 8 });
  for (const [pod, page] of await adminPages(SHARED_RELEASE, "/metrics")) {
    const behind = metricOf(page, 'penstock_kubernetes_watches_behind{resource="routepolicies.penstock.dev"}');
    assert.equal(behind, 1, pod);
  }

  await applyObject(again);
  await waitForObject(ROUTE_POLICIES, isEstablished);
  await namespace.apply(policy);
  // What is not installed is looked for every 30 s to 60 s.
  await namespace.requestUntil(slow, ({ status }) => status === 504, { timeoutMs: 180_000 });
  assert.deepEqual((await podsOf(SHARED_RELEASE)).map(({ metadata }) => metadata.name).toSorted(), pods);
});
