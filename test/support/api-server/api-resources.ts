// The resources that the double of the API server knows. Data, and how to find an entry; it stores nothing.

export interface ApiResource {
  /** `""` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
  /** Status is written through `/status` and ignored elsewhere. */
  readonly hasStatus: boolean;
  /** Not there until somebody installs its definition. */
  readonly isCustom: boolean;
}

type Trait = "cluster" | "status" | "custom";

function resource(apiVersion: string, plural: string, kind: string, traits: readonly Trait[] = []): ApiResource {
  const slash = apiVersion.indexOf("/");
  return {
    group: slash === -1 ? "" : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    plural,
    kind,
    isNamespaced: !traits.includes("cluster"),
    hasStatus: traits.includes("status"),
    isCustom: traits.includes("custom"),
  };
}

/** Where two groups have a kind of one name, the first is meant when no group is named. */
export const API_RESOURCES: readonly ApiResource[] = [
  resource("networking.k8s.io/v1", "ingresses", "Ingress", ["status"]),
  resource("networking.k8s.io/v1", "ingressclasses", "IngressClass", ["cluster"]),
  resource("v1", "services", "Service", ["status"]),
  resource("v1", "secrets", "Secret"),
  resource("v1", "configmaps", "ConfigMap"),
  resource("v1", "namespaces", "Namespace", ["cluster", "status"]),
  resource("v1", "nodes", "Node", ["cluster", "status"]),
  resource("v1", "pods", "Pod", ["status"]),
  resource("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
  resource("coordination.k8s.io/v1", "leases", "Lease"),
  resource("events.k8s.io/v1", "events", "Event"),
  resource("v1", "events", "Event"),
  resource("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", [
    "cluster",
  ]),
  resource("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", ["cluster", "status"]),
  resource("penstock.dev/v1alpha1", "upstreampolicies", "UpstreamPolicy", ["status", "custom"]),
  resource("penstock.dev/v1alpha1", "routepolicies", "RoutePolicy", ["status", "custom"]),
  resource("penstock.dev/v1alpha1", "proxyconfigs", "ProxyConfig", ["cluster", "status", "custom"]),
];

/** `v1` or `group/version`. */
export function apiVersionOf({ group, version }: ApiResource): string {
  return group === "" ? version : `${group}/${version}`;
}

/** @throws where the table lacks the kind. */
export function resourceOfKind(kind: string, apiVersion?: string): ApiResource {
  const found = API_RESOURCES.find(
    (entry) => entry.kind === kind && (apiVersion === undefined || apiVersionOf(entry) === apiVersion),
  );
  if (found === undefined) throw new Error(`the double of the API server knows no ${apiVersion ?? ""} ${kind}`);
  return found;
}
