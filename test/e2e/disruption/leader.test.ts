// The replica that writes status is lost: another one takes over, and no Ingress is told anything wrong meanwhile.
import assert from "node:assert/strict";
import { test } from "node:test";
import { getObject, waitForObject } from "../support/api.ts";
import type { KubeObject, ObjectReference } from "../support/api.ts";
import { killProcess } from "../support/disruption.ts";
import { namespaceFor } from "../support/namespace.ts";
import type { TestNamespace } from "../support/namespace.ts";
import { leaderOf, podsOf, releaseFor } from "../support/release.ts";
import type { Release } from "../support/release.ts";

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly leaseTransitions?: number;
  readonly renewTime?: string;
  readonly acquireTime?: string;
}

const leaseSpec = (lease: KubeObject | null): LeaseSpec => lease?.["spec"] ?? {};

function addressesOf(ingress: KubeObject | null): readonly unknown[] {
  const { loadBalancer = {} } = (ingress?.["status"] ?? {}) as {
    readonly loadBalancer?: { readonly ingress?: readonly unknown[] };
  };
  return loadBalancer.ingress ?? [];
}

function leaseReference({ name, namespace }: Release): ObjectReference {
  return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", namespace, name: `${name}-penstock-leader` };
}

async function leadingPod(release: Release): Promise<KubeObject> {
  await waitForObject(leaseReference(release), (lease) => (leaseSpec(lease).holderIdentity ?? "") !== "");
  const holder = await leaderOf(release);
  const leader = (await podsOf(release)).find(({ metadata }) => holder.startsWith(metadata.name));
  assert.ok(leader !== undefined, `the holder ${holder} is none of the pods`);
  return leader;
}

async function applyAndAwaitStatus(namespace: TestNamespace, release: Release, name: string): Promise<void> {
  const rules = { [namespace.host(name)]: [{ path: "/" }] };
  await namespace.applyIngress({ name, ingressClass: release.ingressClass, rules });
  await namespace.waitFor("Ingress", name, (ingress) => addressesOf(ingress).length > 0, {
    what: `status of the Ingress ${name}`,
  });
}

test("a leader that is killed is replaced when its lease has run out, and status stays as it was", async (t) => {
  const namespace = await namespaceFor(t);
  const [release] = await Promise.all([releaseFor(t, namespace.name), namespace.deployEcho()]);
  await applyAndAwaitStatus(namespace, release, "before");
  const written = await namespace.get("Ingress", "before");
  const leader = await leadingPod(release);
  const lease = leaseSpec(await getObject(leaseReference(release)));

  await killProcess(namespace, leader);
  const lostAt = performance.now();
  const next = await waitForObject(
    leaseReference(release),
    (object) => {
      const { holderIdentity = "" } = leaseSpec(object);
      return holderIdentity !== "" && holderIdentity !== lease.holderIdentity;
    },
    { what: "another holder of the Lease" },
  );
  const tookMs = Math.round(performance.now() - lostAt);
  t.diagnostic(`another replica led ${tookMs} ms after the loss; a lease is ${lease.leaseDurationSeconds} s`);
  // Not before the lease has run out, which would be two leaders; and soon afterwards.
  const { leaseDurationSeconds = 0 } = lease;
  assert.ok(tookMs < (leaseDurationSeconds + 15) * 1000, `nobody led for ${tookMs} ms`);
  const renewedAt = Date.parse(lease.renewTime ?? "");
  const acquiredAt = Date.parse(leaseSpec(next).acquireTime ?? "");
  assert.ok(acquiredAt - renewedAt >= leaseDurationSeconds * 1000, "the Lease was taken before it had run out");
  assert.ok((leaseSpec(next).leaseTransitions ?? 0) > (lease.leaseTransitions ?? 0));
  // The new leader writes, and what the former one wrote was right: it is not written again.
  await applyAndAwaitStatus(namespace, release, "after");
  const now = await namespace.get("Ingress", "before");
  assert.deepEqual(addressesOf(now), addressesOf(written));
  assert.equal(now?.metadata.resourceVersion, written?.metadata.resourceVersion);
});

test("a leader that is asked to end hands the lead over, long before its lease would have run out", async (t) => {
  const namespace = await namespaceFor(t);
  // Ending takes long: whoever waits for the pod to be gone would notice.
  const [release] = await Promise.all([releaseFor(t, namespace.name, { drainDelay: "30s" }), namespace.deployEcho()]);
  await applyAndAwaitStatus(namespace, release, "before");
  const leader = await leadingPod(release);
  const { holderIdentity } = leaseSpec(await getObject(leaseReference(release)));
  const leaderReference = { apiVersion: "v1", kind: "Pod", namespace: release.namespace, name: leader.metadata.name };

  await namespace.delete("Pod", leader.metadata.name);
  await waitForObject(leaseReference(release), (object) => {
    const holder = leaseSpec(object).holderIdentity ?? "";
    return holder !== "" && holder !== holderIdentity;
  });
  assert.notEqual(await getObject(leaderReference), null, "the former leader still drains");
  await applyAndAwaitStatus(namespace, release, "after");
});
