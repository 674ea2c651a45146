// A KubernetesSource that reads from the double of the API server, and everything that it said, to wait for.
import type { TestContext } from "node:test";
import type { Diagnostic } from "../../src/ir/diagnostic.ts";
import type { NamespacedName } from "../../src/ir/names.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { referencedSecretsOf } from "../../src/reconcile/references.ts";
import type { ApiClient } from "../../src/source/kubernetes/client/api-client.ts";
import type { KubernetesSourceTiming } from "../../src/source/kubernetes/kubernetes-source.ts";
import { KubernetesSource } from "../../src/source/kubernetes/kubernetes-source.ts";
import { ObjectStore } from "../../src/source/object-store.ts";
import type { WatchedKind } from "../../src/source/object-types.ts";
import type { ApiServerDouble, ApiServerOptions, ObjectInput } from "./api-server/start-api-server.ts";
import { startApiServer } from "./api-server/start-api-server.ts";

export interface ClusterSourceOptions {
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: string | null;
  readonly fixedSecrets?: readonly NamespacedName[];
  readonly timing?: Partial<KubernetesSourceTiming>;
  /** Missing: the system's. */
  readonly clock?: Clock;
  /** In place of the double's own. */
  readonly client?: ApiClient;
}

/** Delays short enough for a test, long enough to be delays. */
const TEST_TIMING: Partial<KubernetesSourceTiming> = {
  firstDelayMs: 2,
  maxDelayMs: 20,
  unavailableDelayMs: 20,
  shortWatchMs: 5,
  openTimeoutMs: 2_000,
  listTimeoutMs: 5_000,
};

const PATIENCE_MS = 8_000;

export class ClusterSource {
  readonly api: ApiServerDouble;
  readonly store: ObjectStore = new ObjectStore();
  readonly source: KubernetesSource;
  /** One entry for everything that the observer was told, such as `failed Ingress refused`. */
  readonly log: string[] = [];
  diagnostics: readonly Diagnostic[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(api: ApiServerDouble, options: ClusterSourceOptions = {}) {
    this.api = api;
    this.store.subscribe(() => this.#look());
    const tell = (entry: string): void => {
      this.log.push(entry);
      this.#look();
    };
    this.source = new KubernetesSource({
      client: options.client ?? api.client(),
      store: this.store,
      namespaces: options.namespaces ?? [],
      namespaceSelector: options.namespaceSelector ?? null,
      secretsOf: referencedSecretsOf,
      fixedSecrets: options.fixedSecrets ?? [],
      onDiagnostics: (diagnostics) => {
        this.diagnostics = diagnostics;
        this.#look();
      },
      observer: {
        connected: () => tell("connected"),
        disconnected: () => tell("disconnected"),
        listed: ({ kind }, { objects }) => tell(`listed ${kind} ${objects}`),
        changed: ({ kind }) => tell(`changed ${kind}`),
        failed: ({ kind }, { type, refusal }) => tell(`failed ${kind} ${refusal?.kind ?? type}`),
        synced: () => tell("synced"),
      },
      timing: { ...TEST_TIMING, ...options.timing },
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    });
  }

  /** How often the observer was told this. */
  count(entry: string): number {
    return this.log.filter((said) => said === entry).length;
  }

  /** `namespace/name` of the objects in the store, sorted. */
  names(kind: WatchedKind): string[] {
    const world = this.store.world();
    const objects = [
      ...world.ingresses,
      ...world.ingressClasses,
      ...world.services,
      ...world.endpointSlices,
      ...world.secrets,
      ...world.namespaces,
      ...world.upstreamPolicies,
      ...world.routePolicies,
      ...world.proxyConfigs,
    ];
    return objects
      .filter((object) => object.kind === kind)
      .map(({ metadata: { namespace, name } }) => (namespace === undefined ? name : `${namespace}/${name}`))
      .toSorted();
  }

  /** Resolves once the condition holds; it is looked at after everything that the source tells. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (condition()) resolve();
    };
    const timer = setTimeout(
      () => reject(new Error(`never true: ${condition.toString()}; told: ${this.log.slice(-20).join(", ")}`)),
      PATIENCE_MS,
    );
    this.#waiting.add(look);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  #look(): void {
    // Once everybody else was told as well.
    queueMicrotask(() => {
      for (const look of this.#waiting) look();
    });
  }
}

/** A double with the kinds of Penstock and without objects, stopped when the test ends. */
export async function startTestApiServer(context: TestContext, options?: ApiServerOptions): Promise<ApiServerDouble> {
  const api = await startApiServer(options);
  for (const kind of ["UpstreamPolicy", "RoutePolicy", "ProxyConfig"]) api.install(kind);
  context.after(() => api.stop());
  return api;
}

/** A source that is closed when the test ends; whoever wants it synced starts it. */
export function clusterSource(
  context: TestContext,
  api: ApiServerDouble,
  options: ClusterSourceOptions = {},
): ClusterSource {
  const cluster = new ClusterSource(api, options);
  context.after(() => cluster.source.close());
  return cluster;
}

type Labels = Readonly<Record<string, string>>;
type TestObject = ObjectInput & Readonly<Record<string, unknown>>;

export function testIngress(
  name: string,
  { namespace = "shop", secretName = "" }: { namespace?: string; secretName?: string } = {},
): TestObject {
  const backend = { service: { name: "web", port: { number: 80 } } };
  const rules = [{ host: `${name}.example`, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }];
  const tls = secretName === "" ? {} : { tls: [{ hosts: [`${name}.example`], secretName }] };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace },
    spec: { ...tls, rules },
  };
}

export function testService(name: string, namespace = "shop"): TestObject {
  const spec = { type: "ClusterIP", ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 8080 }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec };
}

export function testSlice(name: string, namespace = "shop"): TestObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace, labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.1.2.3"], conditions: { ready: true } }],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  };
}

/** @param value base64. */
export function testSecret(name: string, namespace = "shop", value = "c2VjcmV0"): TestObject {
  const data = { "ca.crt": value };
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, type: "Opaque", data };
}

export function testNamespace(name: string, labels: Labels = {}): TestObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

export function testUpstreamPolicy(name: string, namespace = "shop"): TestObject {
  const spec = { targetRefs: [{ group: "", kind: "Service", name: "web" }], timeouts: { connect: "1s" } };
  return { apiVersion: "penstock.dev/v1alpha1", kind: "UpstreamPolicy", metadata: { name, namespace }, spec };
}
