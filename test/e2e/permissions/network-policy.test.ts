// The chart's NetworkPolicy: everything that has to get through does, and where the cluster's network enforces policies,
// nobody else gets in. The policy itself is read as a network would read it, which counts everywhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { adminPages } from "../support/admin.ts";
import { listObjects } from "../support/api.ts";
import type { KubeObject } from "../support/api.ts";
import { request, requestUntil } from "../support/http-client.ts";
import type { Target } from "../support/http-client.ts";
import { helm, kubectl } from "../support/kubectl.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { installRelease, podsOf, releaseFor, targetOf } from "../support/release.ts";
import type { Release } from "../support/release.ts";

/** How long a network may take to learn of a policy. */
const ENFORCEMENT_MS = 20_000;
const NOBODY = [{ podSelector: { matchLabels: { "penstock.dev/e2e": "nobody" } } }];

/** Status that a pod of the namespace gets from a URL, or the name of what went wrong. */
async function askFromPod(namespace: TestNamespace, url: string): Promise<string> {
  const ask = `
    fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(5_000) })
      .then(({ status }) => console.log(status), (error) => console.log(error.name))`;
  const pod = ["exec", "--namespace", namespace.name, "deployment/echo", "--"];
  return (await kubectl([...pod, "/usr/local/bin/node", "--eval", ask])).trim();
}

/** Shuts a Service off by a policy and looks whether anything changes: nothing says whether a network minds policies. */
async function isEnforced(namespace: TestNamespace): Promise<boolean> {
  await namespace.deployEcho({ name: "probe" });
  assert.ok(await waitForAnswers(namespace, (answer) => answer === "200", 1), "the probe never answered");
  await namespace.apply({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "probe" },
    spec: { podSelector: { matchLabels: { app: "probe" } }, policyTypes: ["Ingress"], ingress: [] },
  });
  // A machine that stalls makes one request time out; a policy, all of them.
  return waitForAnswers(namespace, (answer) => answer !== "200", 3);
}

/** Whether so many answers in a row were as wanted within the time that networks take. */
async function waitForAnswers(
  namespace: TestNamespace,
  isWanted: (answer: string) => boolean,
  wantedInARow: number,
): Promise<boolean> {
  const deadline = performance.now() + ENFORCEMENT_MS;
  let inARow = 0;
  while (performance.now() < deadline) {
    inARow = isWanted(await askFromPod(namespace, "http://probe/")) ? inARow + 1 : 0;
    if (inARow >= wantedInARow) return true;
  }
  return false;
}

interface PolicySpec {
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly policyTypes: readonly string[];
  readonly ingress: readonly {
    readonly ports: readonly { readonly port: string | number }[];
    readonly from?: unknown;
  }[];
}

interface ContainerPort {
  readonly name: string;
  readonly containerPort: number;
}

/** The one policy of the release. */
async function policyOf({ name, namespace }: Release): Promise<PolicySpec> {
  const labelSelector = `app.kubernetes.io/instance=${name}`;
  const policies = await listObjects({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    namespace,
    labelSelector,
  });
  assert.equal(policies.length, 1);
  return policies[0]?.["spec"] as PolicySpec;
}

const portsOf = (pod: KubeObject): readonly ContainerPort[] =>
  (pod["spec"] as { readonly containers: readonly { readonly ports: readonly ContainerPort[] }[] }).containers.flatMap(
    ({ ports }) => ports,
  );

/** It is about every pod, opens every port that a pod listens on and no other, and leaves what pods ask for alone. */
async function assertFitsThePods(release: Release): Promise<void> {
  const policy = await policyOf(release);
  assert.deepEqual(policy.policyTypes, ["Ingress"]);
  const opened = new Set(policy.ingress.flatMap(({ ports }) => ports.map(({ port }) => port)));
  const pods = await podsOf(release);
  assert.ok(pods.length > 0);
  for (const pod of pods) {
    for (const [key, value] of Object.entries(policy.podSelector.matchLabels)) {
      assert.equal(pod.metadata.labels?.[key], value, `the policy is not about ${pod.metadata.name}`);
    }
    assert.deepEqual(opened, new Set(portsOf(pod).map(({ name }) => name)));
  }
}

/** Nothing answers any more; before, everything did. */
async function assertShut(t: TestContext, target: Target, host: string): Promise<void> {
  const deadline = performance.now() + 3 * ENFORCEMENT_MS;
  for (;;) {
    try {
      await request(target, { host, timeoutMs: 2_000 });
    } catch (error) {
      t.diagnostic(`whom the policy does not name gets ${(error as Error).name}`);
      return;
    }
    assert.ok(performance.now() < deadline, "whoever the policy does not name still gets in");
  }
}

test("with a network policy clients, probes, scrapers, upstreams and the API server are still reached, and no others get in", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const networkPolicy = { enabled: true };
  const webhook = {
    enabled: true,
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace.name } },
  };
  const release = await releaseFor(t, namespace.name, { replicaCount: 1, networkPolicy, webhook });
  await assertFitsThePods(release);
  const target = await targetOf(release);
  const host = namespace.host("shop");
  await namespace.applyIngress({ ingressClass: release.ingressClass, rules: { [host]: [{ path: "/" }] } });
  await requestUntil(target, { host }, ({ status }) => status === 200);
  assert.equal((await request(target, { host, scheme: "https" })).status, 200);
  assert.match(await helm(["test", release.name, "--namespace", release.namespace]), /Phase:\s+Succeeded/);
  // A pod of another kind scrapes the metrics by way of their Service.
  assert.equal(await askFromPod(namespace, `http://${release.name}-penstock-metrics:10254/metrics`), "200");
  assert.equal((await adminPages(release, "/readyz")).size, 1);

  // Only those whom the policy names may come from now on.
  await installRelease(release, { replicaCount: 1, webhook, networkPolicy: { ...networkPolicy, from: NOBODY } });
  await assertFitsThePods(release);
  const { ingress } = await policyOf(release);
  const traffic = ingress.filter(({ ports }) => ports.some(({ port }) => port === "http" || port === "https"));
  assert.deepEqual(
    traffic.map(({ from }) => from),
    [NOBODY],
  );
  if (await isEnforced(namespace)) await assertShut(t, target, host);
  else t.diagnostic("this cluster's network does not enforce policies; whether others are held up is not tried");
});
