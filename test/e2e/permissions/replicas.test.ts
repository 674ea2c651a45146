// Replicas do not talk to each other, and yet serve the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestCertificate } from "../../support/certificates.ts";
import { adminPages } from "../support/admin.ts";
import { requestUntil } from "../support/http-client.ts";
import { namespaceFor } from "../support/namespace.ts";
import { releaseFor, targetOf } from "../support/release.ts";

/** What a replica serves, without the number of its snapshot, which counts from its own start. */
function worldOf(page: string): unknown {
  const { generation, ...world } = JSON.parse(page) as { readonly generation: number };
  assert.ok(generation > 0);
  return world;
}

test("replicas that started at different times see the same world", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho({ replicas: 3 });
  const release = await releaseFor(t, namespace.name, { replicaCount: 1, scope: { namespaces: [namespace.name] } });
  const target = await targetOf(release);
  const hosts = ["a", "b", "c"].map((label) => namespace.host(label));
  for (const [index, host] of hosts.entries()) {
    await namespace.applyTlsSecret(`tls-${index}`, createTestCertificate({ commonName: host, dnsNames: [host] }));
    await namespace.applyIngress({
      name: `site-${index}`,
      ingressClass: release.ingressClass,
      annotations: { "penstock.dev/response-timeout": `${index + 5}s` },
      rules: { [host]: [{ path: "/" }, { path: `/${index}`, pathType: "Exact" }] },
      tls: [{ hosts: [host], secretName: `tls-${index}` }],
    });
  }
  await requestUntil(target, { host: hosts[2]! }, ({ status }) => status === 200);
  // Others join, which have seen none of it happen.
  await namespace.scale(`${release.name}-penstock`, 3);
  await namespace.waitForRollout(`${release.name}-penstock`);
  await namespace.delete("Ingress", "site-1");
  await namespace.scale("echo", 2);
  await namespace.waitForRollout("echo");
  await requestUntil(target, { host: hosts[1]! }, ({ status }) => status === 404, { inARow: 30 });

  const deadline = performance.now() + 30_000;
  for (;;) {
    const worlds = Array.from(await adminPages(release, "/config"), ([, page]) => worldOf(page));
    assert.equal(worlds.length, 3);
    try {
      for (const world of worlds) assert.deepEqual(world, worlds[0]);
      assert.match(JSON.stringify(worlds[0]), new RegExp(hosts[0]!.replaceAll(".", "\\.")));
      break;
    } catch (error) {
      // An endpoint that goes reaches each at its own moment.
      if (performance.now() > deadline) throw error;
    }
  }
});
