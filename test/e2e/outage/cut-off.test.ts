// Penstock alone is cut off from the API server for a minute under load, while everything that it serves changes. It goes on
// with what it knows, loses nothing that can be served, and knows the new world when the way is open again.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { createTestCertificate } from "../../support/certificates.ts";
import { untilMetric } from "../support/admin.ts";
import { ApiRelay } from "../support/api-relay.ts";
import type { RelayMode } from "../support/api-relay.ts";
import { restartsOf, waitUntilGone } from "../support/disruption.ts";
import { request, requestUntil } from "../support/http-client.ts";
import type { Target } from "../support/http-client.ts";
import { assertNoFailures, describeLoad, LoadGenerator } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { ReadinessWatcher } from "../support/readiness-watcher.ts";
import { podsOf, releaseFor, targetOf } from "../support/release.ts";
import type { Release } from "../support/release.ts";

const RATE_PER_SECOND = 25;
const OUTAGE_SECONDS = 60;
const CONNECTED = "penstock_kubernetes_api_connected";

interface Site {
  readonly namespace: TestNamespace;
  readonly relay: ApiRelay;
  readonly release: Release;
  readonly target: Target;
  readonly kept: string;
  readonly removed: string;
  readonly added: string;
}

const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256;

/** A release behind a relay that serves two hosts, one of them with TLS. Answers the certificate's fingerprint, too. */
async function serveSite(t: TestContext): Promise<Site & { readonly fingerprint: string }> {
  const namespace = await namespaceFor(t);
  const [relay] = await Promise.all([ApiRelay.start(namespace), namespace.deployEcho({ replicas: 3 })]);
  const release = await releaseFor(t, namespace.name, { replicaCount: 2, ...relay.values });
  const [kept, removed, added] = [namespace.host("kept"), namespace.host("removed"), namespace.host("added")];
  const fingerprint = await renewCertificate(namespace, kept);
  const { ingressClass } = release;
  const tls = [{ hosts: [kept], secretName: "kept" }];
  await namespace.applyIngress({ name: "kept", ingressClass, rules: { [kept]: [{ path: "/" }] }, tls });
  await namespace.applyIngress({ name: "removed", ingressClass, rules: { [removed]: [{ path: "/" }] } });
  const target = await targetOf(release);
  await requestUntil(target, { host: kept, scheme: "https" }, (answer) => answer.fingerprint === fingerprint);
  await requestUntil(target, { host: removed }, ({ status }) => status === 200);
  return { namespace, relay, release, target, kept, removed, added, fingerprint };
}

async function renewCertificate(namespace: TestNamespace, host: string): Promise<string> {
  const certificate = createTestCertificate({ commonName: host, dnsNames: [host] });
  await namespace.applyTlsSecret("kept", certificate);
  return fingerprintOf(certificate.chainPem);
}

/** Endpoints, a certificate, and Ingress objects; each change is complete when this resolves. */
async function changeWorld({ namespace, release, kept, added }: Site): Promise<string> {
  const [gone] = await namespace.list("Pod", "app=echo");
  assert.ok(gone !== undefined);
  await namespace.delete("Pod", gone.metadata.name);
  await waitUntilGone(namespace.name, gone.metadata.name);
  await namespace.scale("echo", 5);
  await namespace.waitForRollout("echo");
  await namespace.delete("Ingress", "removed");
  const { ingressClass } = release;
  await namespace.applyIngress({ name: "added", ingressClass, rules: { [added]: [{ path: "/" }] } });
  return renewCertificate(namespace, kept);
}

async function assertServesWhatItKnew(site: Site, fingerprint: string): Promise<void> {
  const { target, kept, removed, added } = site;
  assert.equal((await request(target, { host: kept, scheme: "https" })).fingerprint, fingerprint);
  assert.equal((await request(target, { host: removed })).status, 200);
  assert.equal((await request(target, { host: added })).status, 404);
}

async function assertCaughtUp(site: Site, fingerprint: string, loads: readonly LoadGenerator[]): Promise<void> {
  const { namespace, target, kept, removed, added } = site;
  const limits = { timeoutMs: 120_000 };
  await requestUntil(target, { host: added }, ({ status }) => status === 200, limits);
  await requestUntil(target, { host: removed }, ({ status }) => status === 404, limits);
  const ask = { host: kept, scheme: "https" } as const;
  await requestUntil(target, ask, (answer) => answer.fingerprint === fingerprint, limits);
  for (const { metadata } of await namespace.list("Pod", "app=echo")) {
    await Promise.all(loads.map((load) => load.servedBy((pod) => pod === metadata.name)));
  }
  await namespace.waitFor("Ingress", "added", (ingress) => JSON.stringify(ingress?.["status"] ?? {}).includes('"ip"'), {
    ...limits,
    what: "a leader that writes the status of the new Ingress",
  });
}

async function outlive(t: TestContext, mode: RelayMode): Promise<void> {
  const { fingerprint, ...site } = await serveSite(t);
  const { namespace, relay, release, target, kept: host } = site;
  const readiness = await ReadinessWatcher.start(namespace, release);
  const loads = (["http", "https"] as const).map(
    (scheme) => new LoadGenerator({ target, host, scheme, ratePerSecond: RATE_PER_SECOND, timeoutMs: 60_000 }),
  );
  t.after(() => Promise.all(loads.map((load) => load.stop())));
  await Promise.all(loads.map((load) => load.afterMore(RATE_PER_SECOND)));

  await relay.become(mode);
  const outage = loads.map((load) => load.afterMore(RATE_PER_SECOND * OUTAGE_SECONDS));
  // Whoever cannot renew the Lease leads no more, long before it would be noticed that a watch is silent.
  await untilMetric(release, "penstock_leader", (value) => value === 0);
  if (mode === "refused") await untilMetric(release, CONNECTED, (value) => value === 0);
  const renewed = await changeWorld(site);
  await Promise.all(outage);
  await assertServesWhatItKnew(site, fingerprint);
  const failedMeanwhile = loads.map((load) => load.failed);
  await relay.become("open");
  const openedAt = performance.now();
  await assertCaughtUp(site, renewed, loads);
  t.diagnostic(`caught up ${Math.round(performance.now() - openedAt)} ms after the way was open again`);
  await untilMetric(release, CONNECTED, (value) => value === 1);

  for (const [index, load] of loads.entries()) {
    const report = await load.stop();
    t.diagnostic(`${describeLoad(report)}; ${failedMeanwhile[index]} of them while it was cut off`);
    assertNoFailures(report, RATE_PER_SECOND * OUTAGE_SECONDS);
  }
  await readiness.assertAlwaysReady(OUTAGE_SECONDS);
  assert.deepEqual((await podsOf(release)).map(restartsOf), [0, 0]);
}

test("connections to the API server are reset and refused for a minute: all is served on, then nothing is missed", async (t) => {
  await outlive(t, "refused");
});

test("the API server is silent for a minute, and no connection ends: all is served on, then nothing is missed", async (t) => {
  await outlive(t, "silent");
});
