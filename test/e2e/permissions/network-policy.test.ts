// The chart's NetworkPolicy: everything that has to get through does. Whether the rest is held up is the cluster's network's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { adminPages } from "../support/admin.ts";
import { request, requestUntil } from "../support/http-client.ts";
import { helm, kubectl } from "../support/kubectl.ts";
import { namespaceFor } from "../support/namespace.ts";
import { installRelease, releaseFor, targetOf } from "../support/release.ts";

test("with a network policy clients, probes, scrapers, upstreams and the API server are still reached", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const networkPolicy = { enabled: true };
  const release = await releaseFor(t, namespace.name, { replicaCount: 1, networkPolicy });
  const target = await targetOf(release);
  const host = namespace.host("shop");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  await requestUntil(target, { host }, ({ status }) => status === 200);
  assert.equal((await request(target, { host, scheme: "https" })).status, 200);
  assert.match(await helm(["test", release.name, "--namespace", release.namespace]), /Phase:\s+Succeeded/);
  // A pod of another kind scrapes the metrics by way of their Service.
  const ask = `fetch("http://${release.name}-penstock-metrics:10254/metrics").then(({ status }) => console.log(status))`;
  const pod = ["exec", "--namespace", namespace.name, "deployment/echo", "--"];
  assert.equal((await kubectl([...pod, "/usr/local/bin/node", "--eval", ask])).trim(), "200");
  assert.equal((await adminPages(release, "/readyz")).size, 1);

  // Only those whom the policy names may come from now on. Not every network enforces policies.
  const nobody = [{ podSelector: { matchLabels: { "penstock.dev/e2e": "nobody" } } }];
  await installRelease(release, { replicaCount: 1, networkPolicy: { ...networkPolicy, from: nobody } });
  try {
    await requestUntil(
      target,
      { host, timeoutMs: 1_000 },
      () => {
        throw new Error("it still answers");
      },
      { timeoutMs: 2_000 },
    );
  } catch (error) {
    const isEnforced = !(error as Error).message.includes("it still answers");
    t.diagnostic(`this cluster's network ${isEnforced ? "enforces" : "does not enforce"} policies`);
  }
});
