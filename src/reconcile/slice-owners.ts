// Which Service each EndpointSlice belongs to, so that a slice that moves or goes away is noticed at both ends.
import type { NamespacedName } from "../ir/names.ts";
import type { EndpointSlice } from "../source/object-types.ts";
import type { WorldChange } from "./object-world.ts";
import { referenceKeyOf, referenceKey } from "./references.ts";

/** Kubernetes API conventions for EndpointSlices. */
const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

export class SliceOwners {
  #owners = new Map<string, NamespacedName>();

  /** Starts anew from all slices of the world. */
  reset(slices: readonly EndpointSlice[]): void {
    this.#owners = new Map();
    for (const slice of slices) this.#place(slice);
  }

  /** Takes a change in and returns the Services whose endpoints it concerns, by `namespace/name`. */
  advance({ changed, deleted }: WorldChange["endpointSlices"]): ReadonlyMap<string, NamespacedName> {
    const concerned = new Map<string, NamespacedName>();
    const concern = (service: NamespacedName | null): void => {
      if (service !== null) concerned.set(referenceKey(service), service);
    };
    for (const slice of [...changed, ...deleted]) concern(this.#owners.get(referenceKeyOf(slice)) ?? null);
    for (const slice of deleted) this.#owners.delete(referenceKeyOf(slice));
    for (const slice of changed) concern(this.#place(slice));
    return concerned;
  }

  #place(slice: EndpointSlice): NamespacedName | null {
    const key = referenceKeyOf(slice);
    const name = slice.metadata.labels?.[SERVICE_NAME_LABEL];
    if (name === undefined) {
      this.#owners.delete(key);
      return null;
    }
    const owner = { namespace: slice.metadata.namespace ?? "default", name };
    this.#owners.set(key, owner);
    return owner;
  }
}
