// Bare metal: a DaemonSet on every node that listens on ports of the nodes, with no load balancer in front.
import assert from "node:assert/strict";
import { test } from "node:test";
import { listObjects, waitForObject } from "../support/api.ts";
import type { KubeObject } from "../support/api.ts";
import { requestUntil } from "../support/http-client.ts";
import { namespaceFor } from "../support/namespace.ts";
import { addressOfNode, EVERY_NODE } from "../support/nodes.ts";
import { installRelease, podsOf, releaseFor } from "../support/release.ts";

const HTTP_PORT = 28_080;
const HTTPS_PORT = 28_443;

const VALUES = {
  kind: "DaemonSet",
  hostPort: { enabled: true, ports: { http: HTTP_PORT, https: HTTPS_PORT } },
  service: { type: "ClusterIP" },
  publishNodeAddresses: true,
  tolerations: EVERY_NODE,
  drainDelay: "1s",
  shutdownGrace: "5s",
};

const targetOn = (address: string): { address: string; httpPort: number; httpsPort: number } => ({
  address,
  httpPort: HTTP_PORT,
  httpsPort: HTTPS_PORT,
});

function publishedAddresses(ingress: KubeObject | null): readonly string[] {
  const { loadBalancer = {} } = (ingress?.["status"] ?? {}) as {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] };
  };
  return (loadBalancer.ingress ?? []).map(({ ip = "" }) => ip).toSorted();
}

test("a DaemonSet serves on the host ports of every node, publishes their addresses, and is updated in place", async (t) => {
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([releaseFor(t, namespace.name, VALUES), namespace.deployEcho()]);
  const host = namespace.host("metal");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  const nodes = (await listObjects({ apiVersion: "v1", kind: "Node" })).map(addressOfNode);
  assert.equal((await podsOf(release)).length, nodes.length, "a pod on each node");

  const askEveryNode = async (): Promise<void> => {
    for (const address of nodes) {
      for (const scheme of ["http", "https"] as const) {
        await requestUntil(targetOn(address), { host, scheme }, (answer) => {
          return answer.status === 200 && answer.echo().headers["x-forwarded-proto"] === scheme;
        });
      }
    }
  };
  await askEveryNode();
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: namespace.name, name: "web" };
  const isPublished = (object: KubeObject | null): boolean =>
    publishedAddresses(object).join(" ") === nodes.toSorted().join(" ");
  await waitForObject(ingress, isPublished, { what: `the addresses ${nodes.join(", ")} in status` });

  const former = new Set((await podsOf(release)).map(({ metadata }) => metadata.name));
  await installRelease(release, { ...VALUES, podAnnotations: { rollout: "2" } });
  await askEveryNode();
  const current = await podsOf(release);
  assert.deepEqual([current.length, current.some(({ metadata }) => former.has(metadata.name))], [nodes.length, false]);
  await waitForObject(ingress, isPublished, { what: "all addresses in status again" });
});
