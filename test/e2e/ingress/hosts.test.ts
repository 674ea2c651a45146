// Hosts of Ingress on a cluster: exact before wildcard, wildcards of one label, default backends, and changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFor } from "../support/namespace.ts";

test("an exact host wins over a wildcard, and a wildcard stands for one label", async (t) => {
  const namespace = await namespaceFor(t);
  await Promise.all(["exact", "wildcard"].map((name) => namespace.deployEcho({ name })));
  const [exact, other, deep] = ["shop.site", "blog.site", "a.b.site"].map((label) => namespace.host(label));
  await namespace.applyIngress({
    rules: {
      [namespace.host("*.site")]: [{ path: "/", service: "wildcard" }],
      [exact ?? ""]: [{ path: "/", service: "exact" }],
    },
  });
  await namespace.requestUntil({ host: other ?? "" }, ({ status }) => status === 200);

  const podOf = async (host: string): Promise<string> => (await namespace.request({ host })).echo().pod;
  assert.match(await podOf(exact ?? ""), /^exact-/);
  assert.match(await podOf((exact ?? "").toUpperCase()), /^exact-/);
  assert.match(await podOf(`${exact}:8080`), /^exact-/);
  assert.match(await podOf(other ?? ""), /^wildcard-/);
  assert.equal((await namespace.request({ host: deep ?? "" })).status, 404);
  assert.equal((await namespace.request({ host: namespace.host("site") })).status, 404);
});

test("a host moves to another Service, and goes, without a restart", async (t) => {
  const namespace = await namespaceFor(t);
  await Promise.all(["before", "after"].map((name) => namespace.deployEcho({ name })));
  const host = namespace.host("moving");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/", service: "before" }] } });
  await namespace.requestUntil({ host }, (answer) => answer.echo().pod.startsWith("before-"));

  await namespace.applyIngress({ rules: { [host]: [{ path: "/", service: "after" }] } });
  await namespace.requestUntil({ host }, (answer) => answer.echo().pod.startsWith("after-"));

  await namespace.delete("Ingress", "web");
  await namespace.requestUntil({ host }, ({ status }) => status === 404);
});

test("an upstream without endpoints is answered with 503 until it has some", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho({ replicas: 0 });
  const host = namespace.host("empty");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  await namespace.requestUntil({ host }, ({ status }) => status === 503);

  await namespace.scale("echo", 1);
  await namespace.requestUntil({ host }, ({ status }) => status === 200);
});
