// Whose status is written, with what, and that it stays so whoever else writes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitForObjects, getObject, patchObject } from "../support/api.ts";
import type { KubeObject } from "../support/api.ts";
import { namespaceFor } from "../support/namespace.ts";
import { releaseFor, SHARED_RELEASE } from "../support/release.ts";
import type { Release } from "../support/release.ts";

interface Address {
  readonly ip?: string;
  readonly hostname?: string;
}

function addressesOf(ingress: KubeObject | null): readonly Address[] {
  const { loadBalancer } = (ingress?.["status"] ?? {}) as {
    readonly loadBalancer?: { readonly ingress?: readonly Address[] };
  };
  return (loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ({
    ...(ip && { ip }),
    ...(hostname && { hostname }),
  }));
}

/** What a release with the default values publishes: the addresses of its Service, as its type has them. */
async function publishedBy(release: Release): Promise<readonly Address[]> {
  const { name, namespace } = release;
  const service = await getObject({ apiVersion: "v1", kind: "Service", namespace, name });
  const balanced = addressesOf(service);
  const { clusterIP = "" } = (service?.["spec"] ?? {}) as { readonly clusterIP?: string };
  return balanced.length > 0 ? balanced : [{ ip: clusterIP }];
}

const rules = (host: string): Readonly<Record<string, readonly { path: string }[]>> => ({ [host]: [{ path: "/" }] });

test("the status of an Ingress of ours has the Service's addresses, and is written again when somebody else changed it", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const expected = await publishedBy(SHARED_RELEASE);
  await namespace.applyIngress({ name: "foreign", ingressClass: "someone-elses", rules: rules(namespace.host("b")) });
  await namespace.applyIngress({ rules: rules(namespace.host("a")) });
  const hasAddress = (ingress: KubeObject | null): boolean =>
    JSON.stringify(addressesOf(ingress)) === JSON.stringify(expected);
  await namespace.waitFor("Ingress", "web", hasAddress);
  assert.deepEqual(addressesOf(await namespace.get("Ingress", "foreign")), []);

  const stale = { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };
  await patchObject(namespace.reference("Ingress", "web"), stale, "status");
  await namespace.waitFor("Ingress", "web", hasAddress);
});

test("two controllers with different classes write their own status each, and leave the other's alone", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const other = await releaseFor(t, namespace.name, { replicaCount: 1, statusAddresses: ["198.51.100.7"] });
  await namespace.applyIngress({ name: "shared", rules: rules(namespace.host("shared")) });
  await namespace.applyIngress({ name: "own", ingressClass: other.ingressClass, rules: rules(namespace.host("own")) });
  const expected = new Map<string, readonly Address[]>([
    ["shared", await publishedBy(SHARED_RELEASE)],
    ["own", [{ ip: "198.51.100.7" }]],
  ]);
  const collection = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: namespace.name };
  const versions = new Map<string, Set<string>>();
  const areAsExpected = (ingresses: readonly KubeObject[]): boolean => {
    for (const { metadata } of ingresses) {
      const seen = versions.get(metadata.name) ?? new Set();
      versions.set(metadata.name, seen.add(metadata.resourceVersion ?? ""));
    }
    return ingresses.every(
      (ingress) => JSON.stringify(addressesOf(ingress)) === JSON.stringify(expected.get(ingress.metadata.name)),
    );
  };
  await waitForObjects(collection, (all) => all.length === 2 && areAsExpected(all));

  // Both leaders look at every Ingress again and again while these come; a fight would show as further versions.
  versions.clear();
  for (let index = 0; index < 10; index++) {
    const isShared = index % 2 === 0;
    const name = `more-${index}`;
    expected.set(name, expected.get(isShared ? "shared" : "own") ?? []);
    const ingressClass = isShared ? SHARED_RELEASE.ingressClass : other.ingressClass;
    await namespace.applyIngress({ name, ingressClass, rules: rules(namespace.host(name)) });
    await waitForObjects(collection, (all) => all.length === expected.size && areAsExpected(all));
  }
  assert.equal(versions.get("shared")?.size, 1);
  assert.equal(versions.get("own")?.size, 1);
  for (let index = 0; index < 9; index++) {
    assert.ok((versions.get(`more-${index}`)?.size ?? 0) <= 2, `more-${index} was written more than once`);
  }
});
