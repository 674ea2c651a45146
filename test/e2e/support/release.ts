// Releases of the chart: the one that the tests share, and those that a test installs for itself.
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";
import { getObject, listObjects, waitForObjects } from "./api.ts";
import type { KubeObject } from "./api.ts";
import type { Target } from "./http-client.ts";
import { helm } from "./kubectl.ts";
import { SETTINGS } from "./settings.ts";

export const CHART: string = fileURLToPath(new URL("../../../deploy/helm/penstock", import.meta.url));

/** An installed release. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  /** Its IngressClass. */
  readonly ingressClass: string;
}

/** Values of the chart, nested as in values.yaml. */
export type ChartValues = Readonly<Record<string, unknown>>;

/** The release that `run.ts` installed; tests do not change it. */
export const SHARED_RELEASE: Release = {
  name: SETTINGS.release,
  namespace: SETTINGS.release,
  ingressClass: SETTINGS.release,
};

/** Secret of the shared release's namespace with its default certificate, for `*.default.penstock.example`. */
export const DEFAULT_CERTIFICATE_SECRET = "default-certificate";

/** What every release of the suite has in common: image, class, controller name and Service. */
function commonValues(release: Release): ChartValues {
  const colon = SETTINGS.image.lastIndexOf(":");
  return {
    image: { repository: SETTINGS.image.slice(0, colon), tag: SETTINGS.image.slice(colon + 1) },
    ingressClass: { name: release.ingressClass, controllerName: `penstock.dev/${release.name}` },
    service: { type: SETTINGS.serviceType },
    crds: { install: false },
    resources: { requests: { cpu: "100m", memory: "128Mi" } },
  };
}

/** Installs, or upgrades to these values and no others; waits until all pods are ready. */
export async function installRelease(release: Release, values: ChartValues = {}): Promise<void> {
  const args = ["upgrade", "--install", release.name, CHART, "--namespace", release.namespace, "--create-namespace"];
  const merged = mergeValues(commonValues(release), values);
  await helm([...args, "--reset-values", "--wait", "--timeout", "240s", "--values", "-"], {
    input: JSON.stringify(merged),
  });
}

export async function uninstallRelease(release: Release): Promise<void> {
  await helm(["uninstall", release.name, "--namespace", release.namespace, "--wait", "--ignore-not-found"]);
}

/** A release for one test, in the test's namespace and with a class of its own; uninstalled when the test ends. */
export async function releaseFor(t: TestContext, namespace: string, values: ChartValues = {}): Promise<Release> {
  const release: Release = { name: namespace, namespace, ingressClass: namespace };
  t.after(() => uninstallRelease(release));
  await installRelease(release, values);
  return release;
}

function mergeValues(base: ChartValues, over: ChartValues): ChartValues {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isMap(before) && isMap(value) ? mergeValues(before, value) : value;
  }
  return merged;
}

function isMap(value: unknown): value is ChartValues {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const releaseLabel = (release: Release): string => `app.kubernetes.io/instance=${release.name}`;

/** Pods of the release that are not ending. */
export async function podsOf(release: Release): Promise<readonly KubeObject[]> {
  const { namespace } = release;
  const pods = await listObjects({ apiVersion: "v1", kind: "Pod", namespace, labelSelector: releaseLabel(release) });
  return pods.filter(({ metadata }) => metadata["deletionTimestamp"] === undefined);
}

interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly nodePort?: number;
}

/** Where the release is reached from this machine; waits for a load balancer's address. */
export async function targetOf(release: Release): Promise<Target> {
  const { namespace } = release;
  const isReachable = (service: KubeObject): boolean =>
    portOf(service, "http") !== undefined && addressOf(service) !== "";
  const services = await waitForObjects(
    { apiVersion: "v1", kind: "Service", namespace, labelSelector: releaseLabel(release) },
    (all) => all.some(isReachable),
    { what: `an address of the Service of release ${release.name}` },
  );
  const service = services.find(isReachable);
  const ports = ["http", "https"].map((name) => portOf(service, name));
  if (SETTINGS.serviceType === "LoadBalancer") {
    return { address: addressOf(service), httpPort: ports[0]?.port ?? 0, httpsPort: ports[1]?.port ?? 0 };
  }
  const address = SETTINGS.nodeAddress === "" ? await firstNodeAddress() : SETTINGS.nodeAddress;
  return { address, httpPort: ports[0]?.nodePort ?? 0, httpsPort: ports[1]?.nodePort ?? 0 };
}

function portOf(service: KubeObject | undefined, name: string): ServicePort | undefined {
  const { ports } = (service?.["spec"] ?? {}) as { readonly ports?: readonly ServicePort[] };
  return ports?.find((port) => port.name === name);
}

function addressOf(service: KubeObject | undefined): string {
  if (SETTINGS.serviceType === "NodePort") return "node";
  const { loadBalancer } = (service?.["status"] ?? {}) as {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] };
  };
  const [first] = loadBalancer?.ingress ?? [];
  return first?.ip ?? first?.hostname ?? "";
}

async function firstNodeAddress(): Promise<string> {
  const nodes = await listObjects({ apiVersion: "v1", kind: "Node" });
  for (const node of nodes) {
    const { addresses = [] } = node["status"] as {
      readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    };
    const internal = addresses.find(({ type }) => type === "InternalIP");
    if (internal !== undefined) return internal.address;
  }
  throw new Error("no node has an InternalIP; set E2E_NODE_ADDRESS");
}

/** Name of the pod that holds the release's Lease; `""` where nobody does. */
export async function leaderOf(release: Release): Promise<string> {
  const { namespace } = release;
  const leases = await listObjects({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", namespace });
  for (const { metadata } of leases) {
    const lease = await getObject({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      namespace,
      name: metadata.name,
    });
    const { holderIdentity } = (lease?.["spec"] ?? {}) as { readonly holderIdentity?: string };
    if (holderIdentity !== undefined && holderIdentity !== "") return holderIdentity;
  }
  return "";
}
