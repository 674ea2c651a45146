// The rights that the chart gives, for each scope. That they are those which the program uses is shown by
// test/feature/cluster/least-privilege.test.ts, with the manifests that are made from the chart.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { qualifiedNameOf } from "../../src/source/kubernetes/resource.ts";
import { WHOLE_RESOURCES } from "../../src/source/kubernetes/resources.ts";
import { renderChart } from "./rendered-chart.ts";
import type { Loose, RenderedChart, Values } from "./rendered-chart.ts";

/** One line a right: `resource.group verb[ name]`. */
function rightsOf(role: Loose): readonly string[] {
  return role.rules
    .flatMap((rule: Loose) =>
      rule.resources.flatMap((resource: string) =>
        rule.verbs.flatMap((verb: string) =>
          (rule.resourceNames ?? [""]).map((name: string) =>
            `${[resource, rule.apiGroups[0]].filter((part) => part !== "").join(".")} ${verb} ${name}`.trim(),
          ),
        ),
      ),
    )
    .toSorted();
}

function rightsByRole(chart: RenderedChart): Record<string, readonly string[]> {
  const roles = [...chart.all("ClusterRole"), ...chart.all("Role")];
  return Object.fromEntries(
    roles.map((role: Loose) => [`${role.metadata.namespace ?? "cluster"}/${role.metadata.name}`, rightsOf(role)]),
  );
}

/** For what the source reads in full. */
function reading(isNamespaced: boolean): readonly string[] {
  return WHOLE_RESOURCES.filter((resource) => resource.isNamespaced === isNamespaced).flatMap((resource) =>
    ["list", "watch"].map((verb) => `${qualifiedNameOf(resource)} ${verb}`),
  );
}

const SERVED = [
  ...reading(true),
  "events.events.k8s.io create",
  "events.events.k8s.io get",
  "events.events.k8s.io patch",
  "ingresses/status.networking.k8s.io patch",
  "secrets get",
  "secrets list",
  "secrets watch",
].toSorted();
const CLUSTER = reading(false).toSorted();
const LEASE = [
  "leases.coordination.k8s.io create",
  "leases.coordination.k8s.io get penstock-leader",
  "leases.coordination.k8s.io update penstock-leader",
];
const OWN = [...LEASE, "services get penstock"];

async function rights(values: Values): Promise<Record<string, readonly string[]>> {
  return rightsByRole(await renderChart(values));
}

describe("roles", () => {
  it("of a whole cluster read what is served everywhere, and write only status and events", async () => {
    assert.deepEqual(await rights({}), {
      "cluster/ingress-penstock": [...SERVED, ...CLUSTER].toSorted(),
      "ingress/penstock": OWN,
    });
  });

  it("of some namespaces read nothing in others but what the settings name", async () => {
    assert.deepEqual(await rights({ scope: { namespaces: ["shop", "blog"] }, defaultCertificate: "infra/wildcard" }), {
      "cluster/ingress-penstock": CLUSTER,
      "shop/ingress-penstock-served": SERVED,
      "blog/ingress-penstock-served": SERVED,
      "ingress/penstock": OWN,
      "infra/ingress-penstock-certificate": ["secrets get wildcard", "secrets list wildcard", "secrets watch wildcard"],
    });
  });

  it("of those who may not make a ClusterRole stay within namespaces", async () => {
    const values = { scope: { namespaces: ["ingress"] }, rbac: { clusterResources: false } };
    const chart = await renderChart({ ...values, ingressClass: { enabled: false }, crds: { install: false } });
    assert.deepEqual(rightsByRole(chart), { "ingress/ingress-penstock-served": SERVED, "ingress/penstock": OWN });
    for (const { kind, metadata } of chart.objects) assert.equal(metadata.namespace, "ingress", kind);
  });

  it("read namespaces for a selector only, and nodes for their addresses only", async () => {
    const all = await rights({ scope: { namespaceSelector: "team=web" }, publishNodeAddresses: true });
    const more = all["cluster/ingress-penstock"]?.filter(
      (right) => !SERVED.includes(right) && !CLUSTER.includes(right),
    );
    assert.deepEqual(more, ["namespaces list", "namespaces watch", "nodes get"]);
  });

  it("read the published Service by its name, wherever it is", async () => {
    const all = await rights({ publishService: { name: "infra/edge" } });
    assert.deepEqual(all["infra/ingress-penstock-published"], ["services get edge"]);
    assert.deepEqual(all["ingress/penstock"], LEASE);
  });

  it("read the slices of the published Service for the addresses of its nodes, and not the Service", async () => {
    const all = await rights({ publishService: { name: "infra/edge" }, publishNodeAddresses: true });
    assert.deepEqual(all["infra/ingress-penstock-published"], ["endpointslices.discovery.k8s.io list"]);
  });

  it("reach the webhook's own Secret and configuration by their names", async () => {
    const all = await rights({ webhook: { enabled: true } });
    assert.deepEqual(
      all["ingress/penstock"]?.filter((right) => !OWN.includes(right)),
      ["secrets create", "secrets get penstock-webhook-tls", "secrets patch penstock-webhook-tls"],
    );
    assert.deepEqual(
      all["cluster/ingress-penstock"]?.filter((right) => right.startsWith("validatingwebhook")),
      [
        "validatingwebhookconfigurations.admissionregistration.k8s.io get ingress-penstock",
        "validatingwebhookconfigurations.admissionregistration.k8s.io update ingress-penstock",
      ],
    );
  });

  it("shrink with what is turned off", async () => {
    const all = await rights({ events: { enabled: false }, leaderElection: { enabled: false }, replicaCount: 1 });
    assert.deepEqual(all["ingress/penstock"], ["services get penstock"]);
    assert.ok(!all["cluster/ingress-penstock"]?.some((right) => right.startsWith("events")));
    assert.deepEqual(await rights({ rbac: { create: false } }), {});
  });

  it("are bound to the release's ServiceAccount, each in its namespace", async () => {
    const chart = await renderChart({ scope: { namespaces: ["shop"] }, serviceAccount: { name: "edge" } });
    const bindings = [...chart.all("ClusterRoleBinding"), ...chart.all("RoleBinding")];
    const roles = [...chart.all("ClusterRole"), ...chart.all("Role")];
    assert.equal(bindings.length, roles.length);
    for (const { metadata, roleRef, subjects } of bindings) {
      assert.deepEqual(subjects, [{ kind: "ServiceAccount", name: "edge", namespace: "ingress" }]);
      const isThere = roles.some(
        (role: Loose) =>
          role.kind === roleRef.kind &&
          role.metadata.name === roleRef.name &&
          role.metadata.namespace === metadata.namespace,
      );
      assert.ok(isThere, `${metadata.name} leads to no role`);
    }
  });
});
