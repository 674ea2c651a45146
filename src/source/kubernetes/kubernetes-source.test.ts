// What the store holds while a cluster changes, and what a source says of it.
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  clusterSource,
  startTestApiServer,
  testIngress as ingress,
  testNamespace as namespace,
  testSecret as secret,
  testService as service,
  testSlice as slice,
  testUpstreamPolicy as upstreamPolicy,
} from "../../../test/support/cluster-source.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { SourceError } from "../source-error.ts";

it("reads everything before it says that it is synced, in few batches", async (context) => {
  const api = await startTestApiServer(context);
  for (let count = 0; count < 1_200; count += 1) api.apply(ingress(`web-${count}`));
  const edge = {
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name: "edge" },
    spec: { controller: "penstock.dev/ingress-controller" },
  };
  api.apply(edge);
  api.apply(service("web"));
  api.apply(slice("web-1"));
  const cluster = clusterSource(context, api);
  let batches = 0;
  let wasSynced = false;
  cluster.store.subscribe(() => {
    batches += 1;
    wasSynced = cluster.store.isSynced;
  });

  await cluster.source.start();

  assert.equal(cluster.names("Ingress").length, 1_200);
  assert.deepEqual(cluster.names("IngressClass"), ["edge"]);
  assert.deepEqual(cluster.names("Service"), ["shop/web"]);
  assert.deepEqual(cluster.names("EndpointSlice"), ["shop/web-1"]);
  assert.equal(wasSynced, true);
  assert.ok(batches <= 3, `${batches} batches`);
  const pages = api.requests.filter(({ verb, resource }) => verb === "list" && resource === "ingresses");
  assert.equal(pages.length, 3);
});

it("follows what is created, changed and deleted", async (context) => {
  const api = await startTestApiServer(context);
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  api.apply(ingress("web"));
  await cluster.until(() => cluster.names("Ingress").includes("shop/web"));
  const before = cluster.store.world().ingresses[0];
  api.apply(ingress("web", { secretName: "tls" }));
  await cluster.until(() => cluster.store.world().ingresses[0] !== before);
  assert.equal(cluster.store.world().ingresses[0]?.spec?.tls?.[0]?.secretName, "tls");
  api.remove({ kind: "Ingress", namespace: "shop", name: "web" });
  await cluster.until(() => cluster.names("Ingress").length === 0);
});

it("keeps nothing of what only the API server needs", async (context) => {
  const api = await startTestApiServer(context);
  const object = ingress("web");
  const metadata = {
    ...object.metadata,
    managedFields: [{ manager: "kubectl" }],
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", team: "shop" },
  };
  api.apply({ ...object, metadata });
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  const kept = cluster.store.world().ingresses[0]?.metadata;
  assert.deepEqual({ ...kept?.annotations }, { team: "shop" });
  assert.equal(Object.hasOwn(kept ?? {}, "managedFields"), false);
});

it("takes a watch that breaks up where it ended, without a new list", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(ingress("web"));
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  await api.until(() => api.openWatches("Ingress") === 1);
  for (const name of ["api", "admin"]) {
    const cut = cluster.count("failed Ingress cut") + 1;
    api.cutWatches("Ingress");
    await cluster.until(() => cluster.count("failed Ingress cut") === cut);
    api.apply(ingress(name));
    await cluster.until(() => cluster.names("Ingress").includes(`shop/${name}`));
  }
  const lists = api.requests.filter(({ verb, resource }) => verb === "list" && resource === "ingresses");
  assert.equal(lists.length, 1);
});

it("notices what was deleted while the API server was gone, and serves on meanwhile", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(ingress("web"));
  api.apply(ingress("old"));
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  await api.until(() => api.openWatches("Ingress") === 1);
  await api.stop();
  await cluster.until(() => cluster.log.includes("disconnected"));
  assert.equal(cluster.source.isConnected, false);
  assert.deepEqual(cluster.names("Ingress"), ["shop/old", "shop/web"]);
  assert.equal(cluster.store.isSynced, true);

  api.remove({ kind: "Ingress", namespace: "shop", name: "old" });
  api.apply(ingress("new"));
  api.compact();
  await api.start();

  await cluster.until(() => cluster.names("Ingress").join() === "shop/new,shop/web");
  await cluster.until(() => cluster.source.isConnected);
  assert.ok(cluster.log.includes("failed Ingress expired"));
});

it("lists again when the server says that the version is too old, in an event or in an answer", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(ingress("web"));
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  await api.until(() => api.openWatches("Ingress") === 1);
  const web = cluster.store.world().ingresses[0];
  api.expireWatches("Ingress");
  await cluster.until(() => cluster.count("listed Ingress 1") === 2);
  api.answerNext({ match: { verb: "watch", resource: "ingresses" }, status: 410 });
  await api.until(() => api.openWatches("Ingress") === 1);
  api.endWatches("Ingress");
  await cluster.until(() => cluster.count("listed Ingress 1") === 3);
  assert.equal(cluster.store.world().ingresses[0], web, "what has not changed keeps its identity");
});

it("begins a list anew whose pages have expired", async (context) => {
  const api = await startTestApiServer(context);
  for (let count = 0; count < 700; count += 1) api.apply(ingress(`web-${count}`));
  api.answerNext({ match: ({ verb, query }) => verb === "list" && query.has("continue"), status: 410 });
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  assert.equal(cluster.names("Ingress").length, 700);
});

for (const [what, bytes] of [
  ["half an event", '{"type":"ADDED","object":{"metadata":{"na\n'],
  ["an event without a name", '{"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}}\n'],
  ["an event without a version", '{"type":"DELETED","object":{"metadata":{"name":"web"}}}\n'],
  ["an event of no known type", '{"type":"MOVED","object":{}}\n'],
] as const) {
  it(`loses nothing to ${what}`, async (context) => {
    const api = await startTestApiServer(context);
    api.apply(ingress("web"));
    const cluster = clusterSource(context, api);
    await cluster.source.start();
    await api.until(() => api.openWatches("Ingress") === 1);
    api.sendRaw("Ingress", bytes);
    await cluster.until(() => cluster.count("listed Ingress 1") === 2);
    assert.equal(cluster.count("failed Ingress broken"), 1);
  });
}

it("waits as long as a server with too many requests asks", async (context) => {
  const api = await startTestApiServer(context);
  const match = { verb: "list", resource: "ingresses" } as const;
  api.answerNext({ match, status: 429, headers: { "retry-after": "1" }, times: 1 });
  const cluster = clusterSource(context, api);
  const startedAtMs = performance.now();
  await cluster.source.start();
  assert.ok(performance.now() - startedAtMs >= 1_000);
  assert.equal(cluster.count("failed Ingress busy"), 1);
});

it("notices a server that has frozen, and takes the watch up again", async (context) => {
  const api = await startTestApiServer(context);
  const cluster = clusterSource(context, api, { timing: { silenceMs: 60, openTimeoutMs: 60 } });
  await cluster.source.start();
  await api.until(() => api.openWatches("Ingress") === 1);
  api.sendBookmarks("Ingress");
  api.freeze();
  await cluster.until(() => cluster.log.includes("failed Ingress silent"));
  await cluster.until(() => cluster.log.includes("disconnected"));
  api.thaw();
  api.apply(ingress("web"));
  await cluster.until(() => cluster.names("Ingress").length === 1);
});

it("notices silence without bookmarks once the watch should have ended", async (context) => {
  const api = await startTestApiServer(context, { withoutBookmarks: true });
  const cluster = clusterSource(context, api, {
    timing: { minWatchMs: 20, maxWatchMs: 20, graceMs: 20, silenceMs: 10 },
  });
  await cluster.source.start();
  await cluster.until(() => cluster.count("failed Ingress silent") === 2);
});

it("is all there at once when one of its requests finds that the API server is back", async (context) => {
  const api = await startTestApiServer(context);
  const clock = new ManualClock();
  const cluster = clusterSource(context, api, { clock });
  await cluster.source.start();
  await api.until(() => api.openWatches() === 8);
  await api.stop();
  const failures = (): number => cluster.log.filter((entry) => entry.startsWith("failed")).length;
  await cluster.until(() => failures() === 8);
  clock.advance(1_000);
  await cluster.until(() => failures() === 16 && clock.pendingTimers === 8);
  api.apply(ingress("web"));
  api.apply(service("web"));
  api.apply(slice("web-1"));
  await api.start();
  clock.advance(clock.nextDelayMs ?? 0);
  await cluster.until(() => cluster.names("Ingress").length === 1);
  await cluster.until(() => cluster.names("Service").length === 1);
  await cluster.until(() => cluster.names("EndpointSlice").length === 1);
});

it("waits for an API server that does not answer yet", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(ingress("web"));
  await api.stop();
  const cluster = clusterSource(context, api);
  const started = cluster.source.start();
  await cluster.until(() => cluster.log.includes("disconnected"));
  assert.equal(cluster.store.isSynced, false);
  await api.start();
  await started;
  assert.deepEqual(cluster.names("Ingress"), ["shop/web"]);
});

it("says which credentials are refused", async (context) => {
  const api = await startTestApiServer(context, { accepts: () => false });
  const cluster = clusterSource(context, api);
  await assert.rejects(cluster.source.start(), (error) => {
    assert.ok(error instanceof SourceError);
    assert.match(error.message, /does not accept the credentials: Unauthorized/);
    return true;
  });
  assert.equal(cluster.store.isSynced, false);
});

it("goes on without a kind that is forbidden, says what to grant, and has it once it is granted", async (context) => {
  const api = await startTestApiServer(context);
  const rule = { verbs: ["list", "watch"], group: "networking.k8s.io", resource: "ingressclasses" };
  api.forbid(rule);
  api.apply(ingress("web"));
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  assert.deepEqual(cluster.names("Ingress"), ["shop/web"]);
  assert.equal(cluster.diagnostics.length, 1);
  const [diagnostic] = cluster.diagnostics;
  assert.equal(diagnostic?.reason, "ResourceForbidden");
  assert.match(diagnostic?.message ?? "", /list ingressclasses.networking.k8s.io in the whole cluster: .* cannot list/);
  assert.match(
    diagnostic?.hint ?? "",
    /Grant list and watch on ingressclasses of the API group "networking.k8s.io" by a ClusterRole/,
  );
  api.allow(rule);
  await cluster.until(() => cluster.diagnostics.length === 0);
});

it("takes no world for whole in which Ingresses, Services or endpoints may not be read", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(slice("web-1"));
  api.apply(ingress("web"));
  const [first, second] = [
    { verbs: ["list", "watch"], group: "discovery.k8s.io", resource: "endpointslices" },
    { verbs: ["list", "watch"], group: "", resource: "services" },
  ];
  api.forbid(first);
  api.forbid(second);
  const cluster = clusterSource(context, api);
  const started = cluster.source.start();
  await cluster.until(() => cluster.diagnostics.length === 2);
  api.allow(first);
  await cluster.until(() => cluster.diagnostics.length === 1);
  assert.equal(cluster.store.isSynced, false);
  api.allow(second);
  await started;
  assert.deepEqual(cluster.names("EndpointSlice"), ["shop/web-1"]);
  await cluster.until(() => cluster.diagnostics.length === 0);
});

it("serves the namespaces that may be read where another one that was named may not", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(ingress("web"));
  api.forbid({ verbs: ["*"], group: "networking.k8s.io", resource: "ingresses", namespace: "locked" });
  const cluster = clusterSource(context, api, { namespaces: ["shop", "locked"] });
  await cluster.source.start();
  assert.deepEqual(cluster.names("Ingress"), ["shop/web"]);
  assert.deepEqual(
    cluster.diagnostics.map(({ reason }) => reason),
    ["ResourceForbidden"],
  );
});

it("keeps what it has where a grant is taken away later", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(ingress("web"));
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  await api.until(() => api.openWatches("Ingress") === 1);
  api.forbid({ verbs: ["*"], group: "networking.k8s.io", resource: "ingresses" });
  api.cutWatches("Ingress");
  await cluster.until(() => cluster.diagnostics.some(({ reason }) => reason === "ResourceForbidden"));
  assert.deepEqual(cluster.names("Ingress"), ["shop/web"]);
});

it("does without kinds that are not installed, and follows their definitions as these come and go", async (context) => {
  const api = await startTestApiServer(context);
  api.uninstall("UpstreamPolicy");
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  assert.deepEqual(
    cluster.diagnostics.map(({ reason, severity }) => `${severity} ${reason}`),
    ["info ResourceNotInstalled"],
  );
  assert.match(cluster.diagnostics[0]?.message ?? "", /no upstreampolicies.penstock.dev in penstock.dev\/v1alpha1/);
  api.install("UpstreamPolicy");
  api.apply(upstreamPolicy("web"));
  await cluster.until(() => cluster.names("UpstreamPolicy").length === 1);
  await cluster.until(() => cluster.diagnostics.length === 0);
  await api.until(() => api.openWatches("UpstreamPolicy") === 1);
  api.uninstall("UpstreamPolicy");
  await cluster.until(() => cluster.names("UpstreamPolicy").length === 0);
});

it("does not take a resource for gone that one answer does not know", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(upstreamPolicy("web"));
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  await api.until(() => api.openWatches("UpstreamPolicy") === 1);
  let changes = 0;
  cluster.store.subscribe(() => {
    changes += 1;
  });
  for (const verb of ["watch", "list"] as const) {
    api.answerNext({ match: { verb, resource: "upstreampolicies" }, status: 404 });
  }
  api.cutWatches("UpstreamPolicy");
  await cluster.until(() => cluster.count("listed UpstreamPolicy 1") === 2);
  assert.equal(cluster.count("failed UpstreamPolicy not-found"), 2);
  assert.equal(changes, 0);
});

it("keeps only Secrets that something refers to, from the first world on", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(secret("tls"));
  api.apply(secret("password"));
  api.apply(secret("fixed", "infra"));
  api.apply({ ...secret("release"), type: "helm.sh/release.v1" });
  api.apply(ingress("web", { secretName: "tls" }));
  const cluster = clusterSource(context, api, { fixedSecrets: [{ namespace: "infra", name: "fixed" }] });
  await cluster.source.start();
  assert.deepEqual(cluster.names("Secret"), ["infra/fixed", "shop/tls"]);

  api.apply(secret("password", "shop", "b3RoZXI="));
  api.apply(secret("tls", "shop", "bmV3"));
  await cluster.until(() => cluster.store.world().secrets.some(({ data }) => data?.["ca.crt"] === "bmV3"));
  assert.deepEqual(cluster.names("Secret"), ["infra/fixed", "shop/tls"]);

  api.remove({ kind: "Ingress", namespace: "shop", name: "web" });
  await cluster.until(() => cluster.names("Ingress").length === 0);
  assert.deepEqual(cluster.names("Secret"), ["infra/fixed"], "goes with the last reference, in the same batch");
});

it("brings a Secret together with the object that begins to refer to it", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(secret("old"));
  api.apply(secret("new"));
  api.apply(ingress("web", { secretName: "old" }));
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  const worlds: string[] = [];
  cluster.store.subscribe(() => {
    const named = cluster.store.world().ingresses[0]?.spec?.tls?.[0]?.secretName ?? "";
    worlds.push(`${named}: ${cluster.names("Secret").join()}`);
  });
  api.apply(ingress("web", { secretName: "new" }));
  await cluster.until(() => worlds.length > 0);
  assert.deepEqual(worlds, ["new: shop/new"]);
});

it("reads no more than 200 Secrets for one object", async (context) => {
  const api = await startTestApiServer(context);
  const object = ingress("web");
  const tls = Array.from({ length: 300 }, (_, n) => ({ secretName: `s${n}` }));
  for (const { secretName } of tls) api.apply(secret(secretName));
  api.apply({ ...object, spec: { ...(object["spec"] as object), tls } });
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  assert.equal(cluster.names("Secret").length, 200);
});

it("says which Secret must not be read, and has it once it may", async (context) => {
  const api = await startTestApiServer(context);
  const rule = { verbs: ["get", "list", "watch"], group: "", resource: "secrets" };
  api.forbid(rule);
  api.apply(secret("tls"));
  api.apply(ingress("web", { secretName: "tls" }));
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  assert.deepEqual(cluster.diagnostics.map(({ reason }) => reason).toSorted(), [
    "ResourceForbidden",
    "SecretForbidden",
  ]);
  const about = cluster.diagnostics.find(({ reason }) => reason === "SecretForbidden")?.object;
  assert.deepEqual(about, { kind: "Secret", namespace: "shop", name: "tls" });
  api.allow(rule);
  api.forbid({ ...rule, verbs: ["list", "watch"] });
  await cluster.until(() => cluster.names("Secret").length === 1);
  await cluster.until(() => cluster.diagnostics.length === 1);
});

it("reads nothing outside of the namespaces that are named, but for the Secrets of the installation", async (context) => {
  const api = await startTestApiServer(context);
  for (const space of ["shop", "blog", "other"]) {
    api.apply(ingress("web", { namespace: space, secretName: "tls" }));
    api.apply(secret("tls", space));
  }
  api.apply(secret("wildcard", "infra"));
  api.apply(secret("more", "infra"));
  const cluster = clusterSource(context, api, {
    namespaces: ["shop", "blog"],
    fixedSecrets: [{ namespace: "infra", name: "wildcard" }],
  });
  await cluster.source.start();
  assert.deepEqual(cluster.names("Ingress"), ["blog/web", "shop/web"]);
  assert.deepEqual(cluster.names("Secret"), ["blog/tls", "infra/wildcard", "shop/tls"]);
  const beyond = api.requests.filter(({ namespace: space, resource, query }) => {
    const isFixed = space === "infra" && query.get("fieldSelector") === "metadata.name=wildcard";
    return !["shop", "blog"].includes(space) && !["ingressclasses", "proxyconfigs"].includes(resource) && !isFixed;
  });
  assert.deepEqual(beyond, []);
});

it("has the objects of a namespace for as long as its labels match", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(namespace("shop", { edge: "public" }));
  api.apply(namespace("blog", { edge: "internal" }));
  for (const space of ["shop", "blog"]) {
    api.apply(ingress("web", { namespace: space, secretName: "tls" }));
    api.apply(service("web", space));
    api.apply(secret("tls", space));
  }
  const cluster = clusterSource(context, api, { namespaceSelector: "edge in (public)" });
  await cluster.source.start();
  assert.deepEqual(cluster.names("Ingress"), ["shop/web"]);
  assert.deepEqual(cluster.names("Secret"), ["shop/tls"]);

  api.apply(namespace("blog", { edge: "public" }));
  await cluster.until(() => cluster.names("Secret").length === 2);
  assert.deepEqual(cluster.names("Ingress"), ["blog/web", "shop/web"]);
  assert.deepEqual(cluster.names("Service"), ["blog/web", "shop/web"]);

  api.apply(namespace("shop", {}));
  await cluster.until(() => cluster.names("Ingress").join() === "blog/web");
  assert.deepEqual(cluster.names("Secret"), ["blog/tls"]);
  api.apply(ingress("more", { namespace: "shop" }));
  api.apply(ingress("more", { namespace: "blog" }));
  await cluster.until(() => cluster.names("Ingress").length === 2);
  assert.deepEqual(cluster.names("Ingress"), ["blog/more", "blog/web"]);
});

it("refuses namespaces that are given in two ways, and a selector that is none", async (context) => {
  const api = await startTestApiServer(context);
  assert.throws(() => clusterSource(context, api, { namespaces: ["shop"], namespaceSelector: "a" }), SourceError);
  assert.throws(() => clusterSource(context, api, { namespaceSelector: "a in (" }), /cannot be read/);
});

it("keeps the last good version of an object that it cannot take, and does not mind fields that it does not know", async (context) => {
  const api = await startTestApiServer(context);
  const fromLater = { ...ingress("web"), later: true };
  api.apply(fromLater);
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  assert.equal(cluster.diagnostics.length, 0);
  await api.until(() => api.openWatches("Ingress") === 1);
  const broken = { ...ingress("web").metadata, resourceVersion: "99999" };
  const line = { type: "MODIFIED", object: { metadata: broken, spec: { rules: "none" } } };
  api.sendRaw("Ingress", `${JSON.stringify(line)}\n`);
  await cluster.until(() => cluster.diagnostics.length === 1);
  assert.deepEqual(cluster.names("Ingress"), ["shop/web"]);
  assert.match(cluster.diagnostics[0]?.hint ?? "", /last good version is still served/);
});

it("knows which very object it was that it cannot take, for as long as it cannot", async (context) => {
  const api = await startTestApiServer(context);
  const refused = (uid: unknown): object => ({
    metadata: { ...ingress("web").metadata, uid },
    spec: { rules: "none" },
  });
  const cluster = clusterSource(context, api);
  await cluster.source.start();
  await api.until(() => api.openWatches("Ingress") === 1);
  const ref = { kind: "Ingress", namespace: "shop", name: "web" };
  let version = 99_000;
  const send = async (type: string, object: object): Promise<void> => {
    version += 1;
    const { metadata } = object as { metadata: object };
    const versioned = { ...object, metadata: { ...metadata, resourceVersion: String(version) } };
    const { length } = cluster.log;
    api.sendRaw("Ingress", `${JSON.stringify({ type, object: versioned })}\n`);
    await cluster.until(() => cluster.log.length > length);
  };
  await send("ADDED", refused("0df28fbd-5f5f"));
  assert.deepEqual(cluster.source.identify(ref), { apiVersion: "networking.k8s.io/v1", uid: "0df28fbd-5f5f" });
  await send("MODIFIED", refused("another-of-this-name"));
  assert.equal(cluster.source.identify(ref)?.uid, "another-of-this-name");
  for (const uid of [undefined, 5, "", "a b", "a\nb", "x".repeat(65)]) {
    await send("MODIFIED", refused("good"));
    await send("MODIFIED", refused(uid));
    assert.equal(cluster.source.identify(ref), null);
  }
  await send("MODIFIED", refused("good"));
  const mended = ingress("web");
  await send("MODIFIED", { ...mended, metadata: { ...mended.metadata, uid: "mended" } });
  await cluster.until(() => cluster.names("Ingress").length === 1);
  assert.equal(cluster.source.identify(ref)?.uid, "mended");
  await send("MODIFIED", refused("broken-again"));
  assert.equal(cluster.source.identify(ref)?.uid, "broken-again");
  await send("DELETED", refused("broken-again"));
  await cluster.until(() => cluster.names("Ingress").length === 0);
  assert.equal(cluster.source.identify(ref), null);
});

it("waits for slow lists", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(ingress("web"));
  const gate = Promise.withResolvers<void>();
  api.slowLists(gate.promise);
  const cluster = clusterSource(context, api);
  const started = cluster.source.start();
  await api.requestSeen(({ verb, resource }) => verb === "list" && resource === "endpointslices");
  assert.equal(cluster.store.isSynced, false);
  gate.resolve();
  await started;
  assert.deepEqual(cluster.names("Ingress"), ["shop/web"]);
});

it("can be closed at any time", async (context) => {
  const api = await startTestApiServer(context);
  const cluster = clusterSource(context, api);
  api.freeze();
  const started = cluster.source.start();
  await api.requestSeen(({ verb }) => verb === "list");
  await cluster.source.close();
  await started;
  assert.equal(cluster.store.isSynced, false);
});
