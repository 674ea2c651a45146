// Default backends of Ingress on a cluster. They take what nobody else has, so they need a release that nobody else uses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { request, requestUntil } from "../support/http-client.ts";
import { namespaceFor } from "../support/namespace.ts";
import { releaseFor, targetOf } from "../support/release.ts";

test("a default backend gets what no rule has: other paths of its hosts, and other hosts, until it goes", async (t) => {
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([
    releaseFor(t, namespace.name, { replicaCount: 1 }),
    ...["cart", "rest"].map((name) => namespace.deployEcho({ name })),
  ]);
  const target = await targetOf(release);
  const host = namespace.host("shop");
  await namespace.applyIngress({
    ingressClass: release.ingressClass,
    rules: { [host]: [{ path: "/cart", service: "cart" }] },
    defaultBackend: { service: "rest" },
  });
  const podOf = async (ask: { readonly host: string; readonly path?: string }): Promise<string> =>
    (await request(target, ask)).echo().pod;
  await requestUntil(target, { host, path: "/cart" }, (answer) => answer.echo().pod.startsWith("cart-"));
  assert.match(await podOf({ host, path: "/cart/1" }), /^cart-/);
  assert.match(await podOf({ host, path: "/cartoons" }), /^rest-/);
  assert.match(await podOf({ host }), /^rest-/);
  assert.match(await podOf({ host: namespace.host("unknown"), path: "/cart" }), /^rest-/);

  await namespace.delete("Ingress", "web");
  await requestUntil(target, { host: namespace.host("unknown") }, ({ status }) => status === 404);
});

test("rules without a host hold for every host that has no rules of its own", async (t) => {
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([
    releaseFor(t, namespace.name, { replicaCount: 1 }),
    ...["own", "any"].map((name) => namespace.deployEcho({ name })),
  ]);
  const target = await targetOf(release);
  const host = namespace.host("shop");
  await namespace.applyIngress({
    ingressClass: release.ingressClass,
    rules: { [host]: [{ path: "/own", service: "own" }], "": [{ path: "/any", service: "any" }] },
  });
  await requestUntil(target, { host, path: "/own" }, (answer) => answer.echo().pod.startsWith("own-"));
  const other = namespace.host("other");
  assert.match((await request(target, { host: other, path: "/any" })).echo().pod, /^any-/);
  assert.equal((await request(target, { host: other, path: "/own" })).status, 404);
});
