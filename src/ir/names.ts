// How the intermediate representation names Kubernetes objects. Plain strings only.

/** A namespaced object's identity; `namespace` is `""` for cluster-scoped objects. */
export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

/** An object of a kind, as diagnostics and routes point at it. */
export interface ObjectReference extends NamespacedName {
  readonly kind: string;
}

/** `namespace/name`, or the bare name of a cluster-scoped object. */
export function formatName(name: NamespacedName): string {
  return name.namespace === "" ? name.name : `${name.namespace}/${name.name}`;
}
