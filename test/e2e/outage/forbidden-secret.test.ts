// Rights that are taken away, and given again: what they are needed for stops, is told, and comes back by itself.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createTestCertificate } from "../../support/certificates.ts";
import { deleteObject, patchObject, waitForObjects } from "../support/api.ts";
import type { KubeObject, ObjectReference } from "../support/api.ts";
import { isAllowed } from "../support/access.ts";
import { adminPages, metricOf } from "../support/admin.ts";
import { request, requestUntil } from "../support/http-client.ts";
import { LoadGenerator, assertNoFailures, describeLoad } from "../support/load-generator.ts";
import { isRolledOut, namespaceFor } from "../support/namespace.ts";
import { podsOf, releaseFor, targetOf } from "../support/release.ts";
import type { Release } from "../support/release.ts";

interface Rule {
  readonly resources: readonly string[];
}

/** Takes the right to read Secrets from the release's ClusterRole; answers how to give it back. */
async function forbidSecrets(release: Release): Promise<() => Promise<void>> {
  const role = await clusterRoleOf(release);
  const rules = role["rules"] as readonly Rule[];
  const reference: ObjectReference = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    name: role.metadata.name,
  };
  await patchObject(reference, { rules: rules.filter(({ resources }) => !resources.includes("secrets")) });
  await untilAllowed(release, false);
  return async () => {
    await patchObject(reference, { rules });
    await untilAllowed(release, true);
  };
}

async function clusterRoleOf(release: Release): Promise<KubeObject> {
  const roles = await waitForObjects(
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      labelSelector: `app.kubernetes.io/instance=${release.name}`,
    },
    (all) => all.length === 1,
  );
  return roles[0] as KubeObject;
}

/** The API server's authorizer learns of a role a moment after it was written, and tells nobody. */
async function untilAllowed(release: Release, wanted: boolean): Promise<void> {
  const access = { verb: "get", group: "", resource: "secrets", namespace: release.namespace };
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    if ((await isAllowed(release, access)) === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the right to read Secrets did not become ${wanted}`);
}

const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256;

test("a Secret that may not be read any more is told of, others are served, and it comes alive when it is granted", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const release = await releaseFor(t, namespace.name, { replicaCount: 1 });
  const target = await targetOf(release);
  const [early, late] = [namespace.host("early"), namespace.host("late")];
  const [earlyCertificate, lateCertificate] = [early, late].map((name) =>
    createTestCertificate({ commonName: name, dnsNames: [name] }),
  );
  await namespace.applyTlsSecret("early", earlyCertificate!);
  await namespace.applyTlsSecret("late", lateCertificate!);
  const site = (name: string, host: string): Parameters<typeof namespace.applyIngress>[0] => ({
    name,
    ingressClass: release.ingressClass,
    rules: { [host]: [{ path: "/" }] },
    tls: [{ hosts: [host], secretName: name }],
  });
  await namespace.applyIngress(site("early", early));
  const ownFingerprint = fingerprintOf(earlyCertificate!.chainPem);
  const isOwn = ({ status, fingerprint }: { readonly status: number; readonly fingerprint: string }): boolean =>
    status === 200 && fingerprint === ownFingerprint;
  await requestUntil(target, { host: early, scheme: "https" }, isOwn);
  const load = new LoadGenerator({ target, host: early, scheme: "https", ratePerSecond: 10, timeoutMs: 60_000 });
  t.after(() => load.stop());

  const grant = await forbidSecrets(release);
  await namespace.applyIngress(site("late", late));
  // It is served without TLS of its own meanwhile, and what was read before keeps its certificate.
  await requestUntil(target, { host: late }, ({ status }) => status === 200);
  const events = await waitForObjects(
    { apiVersion: "events.k8s.io/v1", kind: "Event", namespace: namespace.name },
    (all) => all.some(({ reason }) => reason === "SecretForbidden"),
    { what: "an Event that the Secret may not be read" },
  );
  const told = events.find(({ reason }) => reason === "SecretForbidden");
  assert.match(String(told?.["note"]), /Grant get on secrets in the namespace/);
  const kept = await request(target, { host: early, scheme: "https" });
  assert.deepEqual([kept.status, kept.fingerprint], [200, ownFingerprint]);
  const lateFingerprint = fingerprintOf(lateCertificate!.chainPem);
  const unread = await request(target, { host: late, scheme: "https" });
  assert.ok(![ownFingerprint, lateFingerprint].includes(unread.fingerprint), "a certificate that is not its own");

  await grant();
  await requestUntil(
    target,
    { host: late, scheme: "https" },
    ({ status, fingerprint }) => status === 200 && fingerprint === lateFingerprint,
    { timeoutMs: 120_000 },
  );
  await waitForObjects(
    { apiVersion: "events.k8s.io/v1", kind: "Event", namespace: namespace.name },
    (all) => all.some(({ reason, note }) => reason === "Resolved" && String(note).includes("SecretForbidden")),
    { what: "an Event that the Secret is read now" },
  );
  await load.afterMore(20);
  const report = await load.stop();
  t.diagnostic(describeLoad(report));
  assertNoFailures(report, 20);
});

test("a replica that starts without the right to read Secrets serves what needs none, and the rest once it is granted", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const release = await releaseFor(t, namespace.name, { replicaCount: 1 });
  const target = await targetOf(release);
  const host = namespace.host("shop");
  await namespace.applyTlsSecret("shop", createTestCertificate({ commonName: host, dnsNames: [host] }));
  await namespace.applyIngress({
    ingressClass: release.ingressClass,
    rules: { [host]: [{ path: "/" }] },
    tls: [{ hosts: [host], secretName: "shop" }],
  });
  const before = await requestUntil(target, { host, scheme: "https" }, ({ status }) => status === 200);

  const grant = await forbidSecrets(release);
  const [old] = await podsOf(release);
  await deleteObject({ apiVersion: "v1", kind: "Pod", namespace: namespace.name, name: old?.metadata.name ?? "" });
  await waitForObjects({ apiVersion: "apps/v1", kind: "Deployment", namespace: namespace.name }, (all) =>
    all.filter(({ metadata }) => metadata.name !== "echo").every(isRolledOut),
  );
  await waitForObjects(
    { apiVersion: "v1", kind: "Pod", namespace: namespace.name },
    (all) => !all.some(({ metadata }) => metadata.name === old?.metadata.name),
  );
  await requestUntil(target, { host }, ({ status }) => status === 200);
  const [page = ""] = (await adminPages(release, "/metrics")).values();
  assert.equal(metricOf(page, 'penstock_kubernetes_watches_behind{resource="secrets"}'), 1);
  assert.match(page, /^penstock_diagnostics\{severity="error",reason="ResourceForbidden"\} 1$/m);
  assert.notEqual((await request(target, { host, scheme: "https" })).fingerprint, before.fingerprint);

  await grant();
  await requestUntil(target, { host, scheme: "https" }, ({ fingerprint }) => fingerprint === before.fingerprint, {
    timeoutMs: 120_000,
  });
});
