// The resources that are read from the API server and where they are found there. Data, and the paths made from it.

/** One resource of the API, as a reflector reads it. */
export interface Resource {
  /** For example `Ingress`; what the objects of its lists are, which do not say it themselves. */
  readonly kind: string;
  /** For example `networking.k8s.io/v1`, or `v1` for the core group. */
  readonly apiVersion: string;
  /** For example `ingresses`. */
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Nothing can be served without it. */
  readonly isEssential: boolean;
  /** Comes with a CustomResourceDefinition: a cluster may do without. */
  readonly isCustom: boolean;
  /** Objects a page. Large objects want fewer. */
  readonly pageLimit: number;
  /** Leaves objects out on the server's side; null for all. */
  readonly fieldSelector: string | null;
}

/** The API group, `""` for the core group. */
export function groupOf(resource: Resource): string {
  const slash = resource.apiVersion.indexOf("/");
  return slash === -1 ? "" : resource.apiVersion.slice(0, slash);
}

/** `ingresses.networking.k8s.io`, as kubectl and RBAC messages name it. */
export function qualifiedNameOf(resource: Resource): string {
  const group = groupOf(resource);
  return group === "" ? resource.plural : `${resource.plural}.${group}`;
}

/** The path of the collection: of one namespace, or of the whole cluster where that is null. */
export function collectionPath(resource: Resource, namespace: string | null): string {
  const root = resource.apiVersion.includes("/") ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`;
  if (namespace === null || !resource.isNamespaced) return `${root}/${resource.plural}`;
  return `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.plural}`;
}

/** The path of one object. */
export function objectPath(resource: Resource, namespace: string, name: string): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}
