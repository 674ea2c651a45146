// The rights that deploy/manifests gives are those that the controller uses, none more and none less: it runs with the flags
// of each manifest against a double of the API server, through everything that makes it read or write.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { parseAllDocuments } from "yaml";
import { createTestCertificate } from "../../support/certificates.ts";
import type { ApiServerDouble } from "../../support/api-server/start-api-server.ts";
import type { ApiObject } from "../../support/api-server/api-objects.ts";
import { startApiServer } from "../../support/api-server/start-api-server.ts";
import type { RecordedRequest } from "../../support/api-server/recorded-request.ts";
import { createFolder } from "../../support/penstock-process.ts";
import { localFlags, manifestOf, RunningProxy } from "../../support/running-proxy.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** One verb on one resource, where it is granted; `name` is `""` for any. */
interface Right {
  readonly namespace: string;
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly name: string;
}

interface Manifest {
  readonly args: readonly string[];
  readonly rights: readonly Right[];
  readonly webhook: ApiObject | null;
}

interface ManifestObject extends ApiObject {
  /** Of a role. */
  readonly rules?: readonly Rule[];
  /** Of a workload. */
  readonly spec?: { readonly template: { readonly spec: { readonly containers: readonly [Container] } } };
}

interface Container {
  readonly args: readonly string[];
}

function readManifest(file: string): Manifest {
  const text = readFileSync(new URL(`../../../deploy/manifests/${file}`, import.meta.url), "utf8");
  const objects = parseAllDocuments(text).map((document) => document.toJS() as ManifestObject);
  const workload = objects.find(({ kind }) => kind === "Deployment" || kind === "DaemonSet");
  const roles = objects.filter(({ kind }) => kind === "ClusterRole" || kind === "Role");
  return {
    args: workload?.spec?.template.spec.containers[0].args ?? [],
    rights: roles.flatMap(rightsOf),
    webhook: objects.find(({ kind }) => kind === "ValidatingWebhookConfiguration") ?? null,
  };
}

function rightsOf({ metadata: { namespace = "" }, rules = [] }: ManifestObject): readonly Right[] {
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [""] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => resourceNames.map((name) => ({ namespace, group, resource, verb, name }))),
      ),
    ),
  );
}

const resourceOf = ({ resource, subresource }: RecordedRequest): string =>
  subresource === "" ? resource : `${resource}/${subresource}`;

/** As RBAC decides. */
function covers(right: Right, request: RecordedRequest): boolean {
  return (
    (right.namespace === "" || right.namespace === request.namespace) &&
    right.group === request.group &&
    right.resource === resourceOf(request) &&
    right.verb === request.verb &&
    (right.name === "" || right.name === request.name)
  );
}

const NAMESPACE = "penstock";

interface Scene {
  readonly api: ApiServerDouble;
  readonly start: (context: TestContext) => Promise<RunningProxy>;
}

async function setScene(context: TestContext, { args, webhook }: Manifest): Promise<Scene> {
  const api = await startApiServer({ patienceMs: 60_000 });
  context.after(() => api.stop());
  for (const kind of ["UpstreamPolicy", "RoutePolicy", "ProxyConfig"]) api.install(kind);
  api.apply({
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name: "penstock" },
    spec: { controller: "penstock.dev/ingress-controller" },
  });
  if (webhook !== null) api.apply(webhook);
  const folder = await createFolder(context, { kubeconfig: kubeconfigOf(api) });
  // Only where it listens is not the manifest's, nor how patiently it stops.
  const kept = args.filter((arg) => !/^--(?:http|https|admin|workers|webhook|drain-delay)=/.test(arg));
  const local = [...localFlags(), ...(webhook === null ? [] : ["--webhook", "127.0.0.1:0"])];
  const flags = [...kept, "--kubeconfig", `${folder}/kubeconfig`, "--drain-delay", "0s", ...local];
  const env = { POD_NAME: "penstock-1", POD_NAMESPACE: NAMESPACE };
  return { api, start: (within) => RunningProxy.start(within, flags, { env }) };
}

function kubeconfigOf({ url }: ApiServerDouble): string {
  return JSON.stringify({
    "current-context": "double",
    contexts: [{ name: "double", context: { cluster: "double", user: "nobody" } }],
    clusters: [{ name: "double", cluster: { server: url } }],
    users: [{ name: "nobody", user: {} }],
  });
}

function applySite(api: ApiServerDouble, name: string, secretName: string): void {
  const options = { name, host: `${name}.test`, port: 1, secretName };
  for (const document of parseAllDocuments(manifestOf(options))) {
    const object = document.toJS() as ApiObject & { readonly spec?: object };
    const spec = object.kind === "Ingress" ? { ...object.spec, ingressClassName: "penstock" } : object.spec;
    api.apply({ ...object, metadata: { ...object.metadata, namespace: NAMESPACE }, spec });
  }
}

function applyPublished(api: ApiServerDouble): void {
  const node = { name: "node-1" };
  const addresses = [{ type: "InternalIP", address: "192.0.2.10" }];
  api.apply({ apiVersion: "v1", kind: "Node", metadata: node, status: { addresses } });
  api.apply({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "penstock-1", namespace: NAMESPACE, labels: { "kubernetes.io/service-name": "penstock" } },
    addressType: "IPv4",
    ports: [{ port: 8080 }],
    endpoints: [{ addresses: ["192.0.2.20"], nodeName: "node-1" }],
  });
}

/** For the Service that is to be published, or for the nodes of its endpoints. */
function asksForPublished(request: RecordedRequest): boolean {
  const isOfItsNamespace = request.namespace === NAMESPACE && request.query.has("labelSelector");
  return (
    asked("get", "services", "penstock")(request) || (isOfItsNamespace && asked("list", "endpointslices")(request))
  );
}

const asked =
  (verb: string, resource: string, name = "") =>
  (request: RecordedRequest): boolean =>
    request.verb === verb && resourceOf(request) === resource && (name === "" || request.name === name);

/** A controller that finds nothing of its own yet: it makes its Lease, its certificate, and says what is wrong. */
async function firstRun(context: TestContext, { api, start }: Scene, hasWebhook: boolean): Promise<void> {
  applySite(api, "shop", "none");
  applyPublished(api);
  const proxy = await start(context);
  await api.requestSeen(asked("create", "leases"));
  await api.requestSeen(asked("create", "events"));
  await api.requestSeen(asksForPublished);
  if (hasWebhook) await api.requestSeen(asked("update", "validatingwebhookconfigurations"));
  // A Secret that was not kept until something refers to it.
  const tls = createTestCertificate({ commonName: "late.test", dnsNames: ["late.test"] });
  api.apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "late", namespace: NAMESPACE },
    type: "kubernetes.io/tls",
    data: { "tls.crt": toBase64(tls.chainPem), "tls.key": toBase64(tls.keyPem) },
  });
  applySite(api, "late", "late");
  await api.requestSeen(asked("get", "secrets", "late"));
  // The Service that is to be published comes last, so that it had to be asked for.
  api.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "penstock", namespace: NAMESPACE },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: [{ ip: "203.0.113.7" }] } },
  });
  await api.requestSeen(asked("patch", "ingresses/status"));
  proxy.process.signal("SIGTERM");
  assert.equal((await proxy.process.ended()).code, 0);
}

/** The next one finds what the first left: an Event that was said long ago, and a certificate that somebody has broken. */
async function secondRun(context: TestContext, { api, start }: Scene, hasWebhook: boolean): Promise<void> {
  for (const event of api.objects("Event", "events.k8s.io/v1")) {
    api.apply({ ...event, eventTime: "2020-01-01T00:00:00.000000Z" });
  }
  if (hasWebhook) {
    const [secret] = api.objects("Secret").filter(({ metadata }) => metadata.name !== "late");
    assert.ok(secret !== undefined);
    api.apply({ ...secret, data: { "tls.crt": "" } });
  }
  await start(context);
  await api.requestSeen(asked("patch", "events"));
  if (hasWebhook) await api.requestSeen(asked("patch", "secrets"));
}

const toBase64 = (text: string): string => Buffer.from(text).toString("base64");

const describeRight = ({ namespace, group, resource, verb, name }: Right): string =>
  `${verb} ${group === "" ? resource : `${resource}.${group}`} ${name}${namespace === "" ? "" : ` in ${namespace}`}`;

describe("the rights of deploy/manifests", { concurrency: 2 }, () => {
  for (const file of ["cluster.yaml", "namespaced.yaml", "daemonset-hostport.yaml", "webhook.yaml"]) {
    it(`${file}: every right is used, and nothing is asked for without one`, async (context) => {
      const manifest = readManifest(file);
      assert.ok(manifest.rights.length > 20);
      const scene = await setScene(context, manifest);
      const hasWebhook = manifest.webhook !== null;
      await firstRun(context, scene, hasWebhook);
      await secondRun(context, scene, hasWebhook);
      const { requests } = scene.api;
      const refused = requests.filter((request) => !manifest.rights.some((right) => covers(right, request)));
      assert.deepEqual(
        new Set(refused.map(({ verb, group, ...rest }) => `${verb} ${group} ${rest.resource} ${rest.subresource}`)),
        new Set(),
        "is asked for, and not granted",
      );
      const unused = manifest.rights.filter((right) => !requests.some((request) => covers(right, request)));
      assert.deepEqual(unused.map(describeRight), [], "is granted, and never used");
    });
  }
});
