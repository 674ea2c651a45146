// Ingress objects that name no class: what the cluster's default class makes of them, and a release that takes them as they
// are. A default class is the whole cluster's, so nobody else may be testing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { request, requestUntil } from "../support/http-client.ts";
import { namespaceFor } from "../support/namespace.ts";
import { releaseFor, targetOf } from "../support/release.ts";

const paths = [{ path: "/" }];

test("an Ingress without a class gets the default one from the API server, and is served", async (t) => {
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([
    releaseFor(t, namespace.name, { replicaCount: 1, ingressClass: { default: true } }),
    namespace.deployEcho(),
  ]);
  const host = namespace.host("shop");
  await namespace.applyIngress({ ingressClass: null, rules: { [host]: paths } });
  const written = await namespace.get("Ingress", "web");
  const { ingressClassName } = (written?.["spec"] ?? {}) as { readonly ingressClassName?: string };
  assert.equal(ingressClassName, release.ingressClass);
  await requestUntil(await targetOf(release), { host }, ({ status }) => status === 200);
});

test("a release serves its aliases, and Ingress objects without a class where it is told to", async (t) => {
  const namespace = await namespaceFor(t);
  const alias = `${namespace.name}-alias`;
  const [release] = await Promise.all([
    releaseFor(t, namespace.name, {
      replicaCount: 1,
      ingressClass: { aliases: [alias] },
      watchWithoutClass: true,
      scope: { namespaces: [namespace.name] },
    }),
    namespace.deployEcho(),
  ]);
  const target = await targetOf(release);
  const [foreign, unclassed, aliased] = ["foreign", "unclassed", "aliased"].map((label) => namespace.host(label));
  await namespace.applyIngress({ name: "foreign", ingressClass: "someone-elses", rules: { [foreign!]: paths } });
  await namespace.applyIngress({ name: "unclassed", ingressClass: null, rules: { [unclassed!]: paths } });
  await namespace.applyIngress({ name: "aliased", ingressClass: alias, rules: { [aliased!]: paths } });
  await requestUntil(target, { host: unclassed! }, ({ status }) => status === 200);
  await requestUntil(target, { host: aliased! }, ({ status }) => status === 200);
  assert.equal((await request(target, { host: foreign! })).status, 404);
});
