// A namespace for one test: what is applied to it goes when the test ends, and is written down first where the test failed.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { applyObject, deleteObject, getObject, listObjects, patchObject, waitForObject } from "./api.ts";
import type { KubeObject, ObjectReference, WaitOptions } from "./api.ts";
import { echoBackend } from "./backend.ts";
import type { BackendOptions } from "./backend.ts";
import { request, requestUntil } from "./http-client.ts";
import type { Answer, EventuallyOptions, RequestOptions, Target } from "./http-client.ts";
import { kubectl } from "./kubectl.ts";
import { SHARED_RELEASE, targetOf } from "./release.ts";
import { SETTINGS, SUITE_LABEL } from "./settings.ts";

/** One path of an Ingress, or its default backend. */
export interface IngressPath {
  readonly path: string;
  readonly pathType?: "Exact" | "Prefix" | "ImplementationSpecific";
  /** Service of the namespace; default `echo`, port `http`. */
  readonly service?: string;
  readonly port?: string | number;
}

export interface IngressOptions {
  readonly name?: string;
  /** Null leaves the field out. Default: that of the shared release. */
  readonly ingressClass?: string | null;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Hosts with their paths; `""` stands for every host. */
  readonly rules?: Readonly<Record<string, readonly IngressPath[]>>;
  readonly tls?: readonly { readonly hosts?: readonly string[]; readonly secretName?: string }[];
  readonly defaultBackend?: Omit<IngressPath, "path" | "pathType">;
}

type Kind = "Deployment" | "Service" | "Secret" | "ConfigMap" | "Ingress" | "Pod" | "Event" | "EndpointSlice";

const API_VERSIONS: Readonly<Record<Kind, string>> = {
  Deployment: "apps/v1",
  Service: "v1",
  Secret: "v1",
  ConfigMap: "v1",
  Ingress: "networking.k8s.io/v1",
  Pod: "v1",
  Event: "v1",
  EndpointSlice: "discovery.k8s.io/v1",
};

let serial = 0;
let sharedTarget: Promise<Target> | undefined;

/** Where the shared release is reached. */
export function sharedReleaseTarget(): Promise<Target> {
  sharedTarget ??= targetOf(SHARED_RELEASE);
  return sharedTarget;
}

/** Makes the namespace. Labels are added to it, for example for Pod Security. */
export async function namespaceFor(
  t: TestContext,
  labels: Readonly<Record<string, string>> = {},
): Promise<TestNamespace> {
  const name = `e2e-${process.pid.toString(36)}-${(++serial).toString(36)}-${Date.now().toString(36).slice(-5)}`;
  const annotations = { [SUITE_LABEL]: t.fullName };
  await applyObject({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { [SUITE_LABEL]: "test", ...labels }, annotations },
  });
  t.after(async () => {
    if (!t.passed) await describeFailure(t, name);
    await deleteObject({ apiVersion: "v1", kind: "Namespace", name });
  });
  return new TestNamespace(name, await sharedReleaseTarget());
}

export class TestNamespace {
  readonly name: string;
  /** The shared release; `requestFrom` asks others. */
  readonly target: Target;

  constructor(name: string, target: Target) {
    this.name = name;
    this.target = target;
  }

  /** A host that no other test has: `host("shop")` is `shop.NAMESPACE.example`. */
  host(label: string): string {
    return `${label}.${this.name}.example`;
  }

  reference(kind: Kind, name: string): ObjectReference {
    return { apiVersion: API_VERSIONS[kind], kind, namespace: this.name, name };
  }

  /** Applies them in this order, into this namespace; answers them as they are now. */
  async apply(...objects: readonly KubeObject[]): Promise<readonly KubeObject[]> {
    const applied: KubeObject[] = [];
    for (const object of objects) {
      applied.push(await applyObject({ ...object, metadata: { ...object.metadata, namespace: this.name } }));
    }
    return applied;
  }

  get(kind: Kind, name: string): Promise<KubeObject | null> {
    return getObject(this.reference(kind, name));
  }

  list(kind: Kind, labelSelector = ""): Promise<readonly KubeObject[]> {
    return listObjects({ apiVersion: API_VERSIONS[kind], kind, namespace: this.name, labelSelector });
  }

  /** A JSON merge patch. */
  patch(kind: Kind, name: string, patch: unknown): Promise<KubeObject> {
    return patchObject(this.reference(kind, name), patch);
  }

  delete(kind: Kind, name: string): Promise<void> {
    return deleteObject(this.reference(kind, name));
  }

  waitFor(
    kind: Kind,
    name: string,
    predicate: (object: KubeObject | null) => boolean,
    options: WaitOptions = {},
  ): Promise<KubeObject | null> {
    return waitForObject(this.reference(kind, name), predicate, options);
  }

  /** Applies an echo backend and waits until all its pods are ready. */
  async deployEcho(options: BackendOptions = {}): Promise<void> {
    await this.apply(...echoBackend(options));
    await this.waitForRollout(options.name ?? "echo");
  }

  /** Waits until the newest revision of a Deployment is complete: all pods new and ready, none old. */
  async waitForRollout(name: string, options: WaitOptions = {}): Promise<void> {
    await this.waitFor("Deployment", name, isRolledOut, {
      timeoutMs: 180_000,
      what: `Deployment ${name} to be rolled out`,
      ...options,
    });
  }

  async scale(name: string, replicas: number): Promise<void> {
    await patchObject(this.reference("Deployment", name), { spec: { replicas } }, "scale");
  }

  async applyIngress(options: IngressOptions): Promise<void> {
    await this.apply(ingress(options));
  }

  async applyTlsSecret(
    name: string,
    certificate: { readonly chainPem: string; readonly keyPem: string },
  ): Promise<void> {
    await this.apply(tlsSecret(name, certificate));
  }

  request(options: RequestOptions): Promise<Answer> {
    return request(this.target, options);
  }

  /** See requestUntil of http-client.ts. */
  requestUntil(
    options: RequestOptions,
    isWanted: (answer: Answer) => boolean | void,
    limits: EventuallyOptions = {},
  ): Promise<Answer> {
    return requestUntil(this.target, options, isWanted, limits);
  }
}

export function isRolledOut(deployment: KubeObject | null): boolean {
  if (deployment === null) return false;
  const { replicas = 1 } = deployment["spec"] as { readonly replicas?: number };
  const status = (deployment["status"] ?? {}) as Readonly<Record<string, number | undefined>>;
  return (
    (status["observedGeneration"] ?? 0) >= Number(deployment.metadata["generation"]) &&
    (status["updatedReplicas"] ?? 0) === replicas &&
    (status["availableReplicas"] ?? 0) === replicas &&
    (status["replicas"] ?? 0) === replicas
  );
}

export function ingress(options: IngressOptions): KubeObject {
  const className = options.ingressClass === undefined ? SHARED_RELEASE.ingressClass : options.ingressClass;
  const rules = Object.entries(options.rules ?? {}).map(([host, paths]) => ({
    ...(host === "" ? {} : { host }),
    http: {
      paths: paths.map((path) => ({
        path: path.path,
        pathType: path.pathType ?? "Prefix",
        backend: ingressBackend(path),
      })),
    },
  }));
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: options.name ?? "web", annotations: options.annotations ?? {} },
    spec: {
      ...(className === null ? {} : { ingressClassName: className }),
      ...(rules.length === 0 ? {} : { rules }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.defaultBackend === undefined ? {} : { defaultBackend: ingressBackend(options.defaultBackend) }),
    },
  };
}

function ingressBackend(path: Omit<IngressPath, "path" | "pathType">): unknown {
  const { service = "echo", port = "http" } = path;
  return { service: { name: service, port: typeof port === "number" ? { number: port } : { name: port } } };
}

export function tlsSecret(
  name: string,
  certificate: { readonly chainPem: string; readonly keyPem: string },
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    type: "kubernetes.io/tls",
    data: {
      "tls.crt": Buffer.from(certificate.chainPem).toString("base64"),
      "tls.key": Buffer.from(certificate.keyPem).toString("base64"),
    },
  };
}

interface Dump {
  readonly title: string;
  /** Of kubectl, separated by spaces. */
  readonly args: (namespace: string) => string;
  /** Which lines are shown at once; the file has all. Of Penstock's logs not the requests, which are too many. */
  readonly isShown: (line: string, namespace: string) => boolean;
}

const isNoRequest = (line: string): boolean => !line.includes('"request_id":');

const DUMPS: readonly Dump[] = [
  {
    title: "events",
    args: (namespace) => `get events --namespace ${namespace} --sort-by=.lastTimestamp`,
    isShown: () => true,
  },
  {
    title: "objects",
    args: (namespace) =>
      `get ingress,service,endpointslices,deployments,daemonsets,pods,leases,networkpolicies,pdb --namespace ${namespace} --output yaml`,
    isShown: () => false,
  },
  {
    // By themselves: kubectl shows nothing where one of the kinds is not installed.
    title: "policies",
    args: (namespace) => `get upstreampolicies,routepolicies --namespace ${namespace} --output yaml`,
    isShown: () => false,
  },
  {
    title: "logs of the namespace",
    args: (namespace) =>
      `logs --namespace ${namespace} --selector app --all-containers --prefix --tail 200 --ignore-errors`,
    isShown: () => true,
  },
  {
    title: "logs of its own release",
    args: (namespace) =>
      `logs --namespace ${namespace} --selector app.kubernetes.io/name=penstock --prefix --tail 10000 --ignore-errors`,
    isShown: isNoRequest,
  },
  {
    title: "logs of its own release before restarts",
    args: (namespace) =>
      `logs --namespace ${namespace} --selector app.kubernetes.io/name=penstock --prefix --tail 1000 --ignore-errors --previous`,
    isShown: isNoRequest,
  },
  {
    title: "logs of the shared release",
    args: () =>
      `logs --namespace ${SHARED_RELEASE.namespace} --selector app.kubernetes.io/name=penstock --prefix --tail 10000 --ignore-errors`,
    isShown: (line, namespace) => isNoRequest(line) && line.includes(namespace),
  },
];
const LINES_SHOWN = 25;

/** Everything to a file; of events and logs the last lines to the test's output. Secrets are not among the kinds. */
async function describeFailure(t: TestContext, namespace: string): Promise<void> {
  const folder = join(SETTINGS.artifacts, t.name.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 80));
  await mkdir(folder, { recursive: true });
  for (const { title, args, isShown } of DUMPS) {
    let text: string;
    try {
      text = await kubectl(args(namespace).split(" "), { timeoutMs: 20_000 });
    } catch (error) {
      text = error instanceof Error ? error.message : String(error);
    }
    await writeFile(join(folder, `${title.replaceAll(" ", "-")}.txt`), text);
    const lines = text.split("\n").filter((line) => line !== "" && isShown(line, namespace));
    if (lines.length > 0) t.diagnostic(`${title}:\n${lines.slice(-LINES_SHOWN).join("\n")}`);
  }
  t.diagnostic(`all of it: ${folder}`);
}
