// Releases that serve part of a cluster: what they serve, and that they may not even read the rest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAllowed } from "../support/access.ts";
import { patchObject } from "../support/api.ts";
import { request, requestUntil } from "../support/http-client.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { releaseFor, targetOf } from "../support/release.ts";
import type { Release } from "../support/release.ts";
import { SETTINGS } from "../support/settings.ts";

async function serve(namespace: TestNamespace, release: Release, host: string): Promise<void> {
  await namespace.deployEcho();
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
}

test("a release for one namespace serves it, its ports and its policies, and may read nothing of others", async (t) => {
  const [home, inside, outside] = [await namespaceFor(t), await namespaceFor(t), await namespaceFor(t)];
  const release = await releaseFor(t, home.name, {
    replicaCount: 1,
    scope: { namespaces: [inside.name] },
    containerPorts: { http: 80, https: 443 },
    service: { ports: { http: 8000, https: 8443 } },
    networkPolicy: { enabled: true },
  });
  const target = await targetOf(release);
  if (SETTINGS.serviceType === "LoadBalancer") {
    assert.deepEqual([target.httpPort, target.httpsPort], [8000, 8443]);
  }
  const [host, strange] = [inside.host("shop"), outside.host("shop")];
  await serve(outside, release, strange);
  await serve(inside, release, host);
  await requestUntil(target, { host }, ({ status }) => status === 200);
  assert.equal((await request(target, { host, scheme: "https" })).status, 200);
  assert.equal((await request(target, { host: strange })).status, 404);

  await inside.apply({
    apiVersion: "penstock.dev/v1alpha1",
    kind: "UpstreamPolicy",
    metadata: { name: "limits" },
    spec: { targetRefs: [{ group: "", kind: "Service", name: "echo" }], timeouts: { response: "200ms" } },
  });
  await requestUntil(target, { host, path: "/?delay=1000" }, ({ status }) => status === 504);
  await inside.apply({
    apiVersion: "penstock.dev/v1alpha1",
    kind: "RoutePolicy",
    metadata: { name: "limits" },
    spec: {
      targetRefs: [{ group: "networking.k8s.io", kind: "Ingress", name: "web" }],
      timeouts: { response: "5s" },
    },
  });
  await requestUntil(target, { host, path: "/?delay=1000" }, ({ status }) => status === 200);
  await inside.waitFor("Ingress", "web", (ingress) => JSON.stringify(ingress?.["status"]).includes('"ip"'));
  assert.deepEqual((await outside.get("Ingress", "web"))?.["status"], { loadBalancer: {} });

  const read = [
    { group: "", resource: "secrets" },
    { group: "", resource: "services" },
    { group: "networking.k8s.io", resource: "ingresses" },
    { group: "discovery.k8s.io", resource: "endpointslices" },
  ].flatMap((kind) => ["list", "watch"].map((verb) => ({ ...kind, verb })));
  const others = [
    { verb: "get", group: "", resource: "secrets" },
    { verb: "patch", group: "networking.k8s.io", resource: "ingresses", subresource: "status" },
    { verb: "create", group: "events.k8s.io", resource: "events" },
    { verb: "list", group: "penstock.dev", resource: "routepolicies" },
    { verb: "list", group: "penstock.dev", resource: "upstreampolicies" },
  ];
  for (const access of [...read, ...others]) {
    const what = JSON.stringify(access);
    assert.equal(await isAllowed(release, { ...access, namespace: inside.name }), true, `${what} where it serves`);
    assert.equal(await isAllowed(release, access), false, `${what} in every namespace`);
    for (const namespace of [outside.name, home.name, "kube-system"]) {
      assert.equal(await isAllowed(release, { ...access, namespace }), false, `${what} in ${namespace}`);
    }
  }
});

test("a release for labelled namespaces follows the labels", async (t) => {
  const [home, served, always] = [await namespaceFor(t), await namespaceFor(t), await namespaceFor(t)];
  const release = await releaseFor(t, home.name, {
    replicaCount: 1,
    scope: { namespaceSelector: `team=${home.name}` },
  });
  const target = await targetOf(release);
  const host = served.host("shop");
  await serve(served, release, host);
  const labelOf = (name: string, team: string | null): Promise<unknown> =>
    patchObject({ apiVersion: "v1", kind: "Namespace", name }, { metadata: { labels: { team } } });
  const label = (team: string | null): Promise<unknown> => labelOf(served.name, team);
  // Written last, so when it is served the other was there to be seen.
  await labelOf(always.name, home.name);
  await serve(always, release, always.host("shop"));
  await requestUntil(target, { host: always.host("shop") }, ({ status }) => status === 200);
  assert.equal((await request(target, { host })).status, 404);
  await label(home.name);
  await requestUntil(target, { host }, ({ status }) => status === 200);
  await label("another");
  await requestUntil(target, { host }, ({ status }) => status === 404);
  await label(home.name);
  await requestUntil(target, { host }, ({ status }) => status === 200);
  await label(null);
  await requestUntil(target, { host }, ({ status }) => status === 404);
  assert.equal((await request(target, { host: always.host("shop") })).status, 200);
});
