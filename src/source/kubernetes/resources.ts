// Every resource that the cluster's source reads. Another kind joins by a line here, once the store and the validation know
// it. ConfigMaps are missing because nothing is translated from them.
import type { Resource } from "./reflector/resource.ts";

function resource(apiVersion: string, kind: string, plural: string, traits: Partial<Resource> = {}): Resource {
  return {
    apiVersion,
    kind,
    plural,
    isNamespaced: true,
    isCustom: false,
    isEssential: false,
    pageLimit: 500,
    fieldSelector: null,
    ...traits,
  };
}

export const NAMESPACES: Resource = resource("v1", "Namespace", "namespaces", { isNamespaced: false });

/** Releases of Helm are Secrets too, of up to 1 MiB each and many of them; nothing refers to one. */
export const SECRETS: Resource = resource("v1", "Secret", "secrets", {
  pageLimit: 100,
  fieldSelector: "type!=helm.sh/release.v1",
});

/** Everything that is read in full. Secrets and Namespaces are read in their own ways. */
export const WHOLE_RESOURCES: readonly Resource[] = [
  resource("networking.k8s.io/v1", "Ingress", "ingresses", { isEssential: true }),
  resource("networking.k8s.io/v1", "IngressClass", "ingressclasses", { isNamespaced: false }),
  resource("v1", "Service", "services", { isEssential: true }),
  resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", { isEssential: true }),
  resource("penstock.dev/v1alpha1", "UpstreamPolicy", "upstreampolicies", { isCustom: true }),
  resource("penstock.dev/v1alpha1", "RoutePolicy", "routepolicies", { isCustom: true }),
  resource("penstock.dev/v1alpha1", "ProxyConfig", "proxyconfigs", { isCustom: true, isNamespaced: false }),
];
