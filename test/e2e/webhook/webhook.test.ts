// The admission webhook as users of kubectl meet it: what it lets through, refuses and warns of, what happens without it, and
// that its certificate comes back by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patchObject, waitForObject } from "../support/api.ts";
import type { KubeObject, ObjectReference } from "../support/api.ts";
import { kubectl } from "../support/kubectl.ts";
import { ingress, namespaceFor } from "../support/namespace.ts";
import type { IngressOptions, TestNamespace } from "../support/namespace.ts";
import { installRelease, podsOf, releaseFor } from "../support/release.ts";
import type { ChartValues, Release } from "../support/release.ts";

/** Between 45 s and 90 s pass between two looks at the registration; the machine may be busy. */
const HEALING_TIMEOUT_MS = 240_000;

/** Only objects of the test's namespace, since the configuration of a webhook is the whole cluster's. */
function webhookValues(namespace: TestNamespace, webhook: ChartValues = {}): ChartValues {
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": namespace.name } };
  return { replicaCount: 2, webhook: { enabled: true, namespaceSelector, ...webhook } };
}

/** As the chart names objects of a release whose own name does not contain the chart's. */
const fullNameOf = (release: Release): string => `${release.name}-penstock`;

const configurationOf = (release: Release): ObjectReference => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  name: `${release.namespace}-${fullNameOf(release)}`,
});

interface Configuration {
  readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

const bundleOf = (configuration: KubeObject | null): string =>
  (configuration as unknown as Configuration | null)?.webhooks[0]?.clientConfig.caBundle ?? "";

/** What kubectl says when it refuses or warns; `""` where it has nothing to say. */
async function apply(namespace: TestNamespace, object: KubeObject, ...flags: readonly string[]): Promise<string> {
  const args = ["apply", "--namespace", namespace.name, "--warnings-as-errors", ...flags, "--filename", "-"];
  try {
    await kubectl(args, { input: JSON.stringify(object) });
    return "";
  } catch (error) {
    return (error as Error).message.replaceAll(/\s+/g, " ");
  }
}

/** An Ingress whose path no request can have. The API server itself takes it. */
function wrongIngress(namespace: TestNamespace, release: Release, changes: IngressOptions = {}): KubeObject {
  const path = { path: "/a?b=c" };
  return ingress({
    name: "wrong",
    ingressClass: release.ingressClass,
    rules: { [namespace.host("wrong")]: [path] },
    ...changes,
  });
}

/** Asks without writing until the answer is as wanted: the API server learns of configurations a moment later. */
async function applyUntil(namespace: TestNamespace, object: KubeObject, wanted: RegExp): Promise<string> {
  const deadline = performance.now() + 60_000;
  let said = "";
  while (performance.now() < deadline) {
    said = await apply(namespace, object, "--dry-run=server");
    if (wanted.test(said)) return said;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${String(wanted)} was never said; last: ${said}`);
}

async function waitForBundle(release: Release, isWanted: (bundle: string) => boolean): Promise<string> {
  const configuration = await waitForObject(
    configurationOf(release),
    (object) => bundleOf(object) !== "" && isWanted(bundleOf(object)),
    { timeoutMs: HEALING_TIMEOUT_MS, what: "the authority in the webhook's configuration" },
  );
  return bundleOf(configuration);
}

const REFUSED = /admission webhook "validate\.penstock\.dev" denied the request/;

test("the webhook accepts, refuses with what to write instead, warns, and minds its own business", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const release = await releaseFor(t, namespace.name, webhookValues(namespace));
  await waitForBundle(release, () => true);

  const refusal = await applyUntil(namespace, wrongIngress(namespace, release), REFUSED);
  assert.match(refusal, /Ingress \S+\/wrong would not be served as written/);
  assert.match(refusal, /spec\.rules\[0\]\.http\.paths\[0\]\.path: "\/a\?b=c" can never match/);
  assert.match(refusal, /Percent-encode the character, or leave the query out/);
  assert.match(await apply(namespace, wrongIngress(namespace, release)), REFUSED);
  assert.equal(await namespace.get("Ingress", "wrong"), null);

  const good = (name: string, changes: IngressOptions = {}): KubeObject =>
    ingress({
      name,
      ingressClass: release.ingressClass,
      rules: { [namespace.host(name)]: [{ path: "/" }] },
      ...changes,
    });
  assert.equal(await apply(namespace, good("fine")), "");
  const warned = await apply(namespace, good("warned", { annotations: { "penstock.dev/response-timeout": "5" } }));
  assert.match(warned, /Warning: metadata\.annotations\[penstock\.dev\/response-timeout\]: "5" is not allowed here/);
  assert.notEqual(await namespace.get("Ingress", "warned"), null);
  // What is missing may come later: it is a warning, and no refusal.
  const early = { rules: { [namespace.host("early")]: [{ path: "/", service: "cart" }] } };
  assert.match(await apply(namespace, good("early", early)), /Warning: .*Service "\S+\/cart" does not exist/);
  assert.notEqual(await namespace.get("Ingress", "early"), null);
  // What takes from others is told, too.
  const greedy = { rules: { [namespace.host("fine")]: [{ path: "/" }] } };
  assert.match(
    await apply(namespace, good("greedy", greedy)),
    /Warning: .*is already served by [^,]*Ingress \S+\/fine\b/,
  );
  // Another controller's mistakes are not ours to judge.
  assert.equal(await apply(namespace, wrongIngress(namespace, release, { ingressClass: "someone-elses" })), "");
  const policy = {
    apiVersion: "penstock.dev/v1alpha1",
    kind: "RoutePolicy",
    metadata: { name: "limits" },
    spec: { targetRefs: [{ group: "networking.k8s.io", kind: "Ingress", name: "wbe" }], maxBodySize: "10Mi" },
  };
  assert.match(await apply(namespace, policy), /Warning: spec\.targetRefs\[0\]\.name: Ingress "\S+wbe" does not exist/);
});

test("without a pod that answers, objects go through or are refused, as failurePolicy says", async (t) => {
  const namespace = await namespaceFor(t);
  const release = await releaseFor(t, namespace.name, webhookValues(namespace));
  await waitForBundle(release, () => true);
  await applyUntil(namespace, wrongIngress(namespace, release), REFUSED);

  const deployment: ObjectReference = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    namespace: namespace.name,
    name: fullNameOf(release),
  };
  await patchObject(deployment, { spec: { replicas: 0 } }, "scale");
  await waitForObject(deployment, (object) => ((object?.["status"] as { replicas?: number })?.replicas ?? 0) === 0);
  await applyUntil(namespace, wrongIngress(namespace, release), /^$/);

  await installRelease(release, webhookValues(namespace, { failurePolicy: "Fail" }));
  await waitForBundle(release, () => true);
  await applyUntil(namespace, wrongIngress(namespace, release), REFUSED);
  await patchObject(deployment, { spec: { replicas: 0 } }, "scale");
  await waitForObject(deployment, (object) => ((object?.["status"] as { replicas?: number })?.replicas ?? 0) === 0);
  const refusal = await applyUntil(namespace, wrongIngress(namespace, release), /failed calling webhook/);
  assert.match(refusal, /validate\.penstock\.dev/);
});

test("a wiped authority and a deleted certificate are made anew, and reviews go on", async (t) => {
  const namespace = await namespaceFor(t);
  const release = await releaseFor(t, namespace.name, webhookValues(namespace, { failurePolicy: "Fail" }));
  const first = await waitForBundle(release, () => true);
  await applyUntil(namespace, wrongIngress(namespace, release), REFUSED);

  // As a GitOps tool does that applies the chart's own text again, or an administrator by mistake.
  const { webhooks } = (await waitForObject(configurationOf(release), (object) => object !== null)) as unknown as {
    readonly webhooks: readonly { readonly clientConfig: Readonly<Record<string, unknown>> }[];
  };
  const wiped = webhooks.map((each) => ({ ...each, clientConfig: { ...each.clientConfig, caBundle: null } }));
  await patchObject(configurationOf(release), { webhooks: wiped });
  assert.equal(await waitForBundle(release, () => true), first);
  await applyUntil(namespace, wrongIngress(namespace, release), REFUSED);

  const secrets = (await namespace.list("Secret")).filter(({ metadata }) => metadata.name.includes("webhook"));
  assert.equal(secrets.length, 1);
  const [secret] = secrets;
  await namespace.delete("Secret", secret?.metadata.name ?? "");
  await namespace.waitFor(
    "Secret",
    secret?.metadata.name ?? "",
    (object) => object !== null && object.metadata.uid !== secret?.metadata.uid,
    { timeoutMs: HEALING_TIMEOUT_MS },
  );
  await waitForBundle(release, (bundle) => bundle !== first);
  await applyUntil(namespace, wrongIngress(namespace, release), REFUSED);
  for (const { status } of await podsOf(release)) {
    const { containerStatuses } = status as { containerStatuses: { restartCount: number }[] };
    assert.equal(containerStatuses[0]?.restartCount, 0);
  }
});
