// What the tests of this folder share: worlds made of loose objects.
import type { WatchedKind, WorldObjects } from "../source/object-types.ts";

const LISTS: Readonly<Record<WatchedKind, keyof WorldObjects>> = {
  Ingress: "ingresses",
  IngressClass: "ingressClasses",
  Service: "services",
  EndpointSlice: "endpointSlices",
  Secret: "secrets",
  ConfigMap: "configMaps",
  Namespace: "namespaces",
};

/** Sorts objects into a world by their kind, deeply frozen as a source hands them over. */
export function worldOf(objects: readonly object[]): WorldObjects {
  const lists = Object.fromEntries(Object.values(LISTS).map((list) => [list, [] as object[]]));
  for (const object of objects) {
    const list = LISTS[(object as { kind: WatchedKind }).kind];
    if (list === undefined) throw new Error(`unknown kind in ${JSON.stringify(object)}`);
    lists[list]?.push(freeze(object));
  }
  return lists as unknown as WorldObjects;
}

export function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
