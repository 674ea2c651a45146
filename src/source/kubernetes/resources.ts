// Every resource that the cluster's source reads. Another kind joins by a line here, once the store and the validation know
// it. ConfigMaps are missing because nothing is translated from them.
import { CUSTOM_RESOURCE_GROUP, CUSTOM_RESOURCE_VERSION } from "../custom-resources/custom-resource.ts";
import { CUSTOM_RESOURCES } from "../custom-resources/custom-resources.ts";
import type { Resource } from "./resource.ts";

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
  ...CUSTOM_RESOURCES.map(({ kind, plural, isNamespaced }) =>
    resource(`${CUSTOM_RESOURCE_GROUP}/${CUSTOM_RESOURCE_VERSION}`, kind, plural, { isNamespaced, isCustom: true }),
  ),
];
