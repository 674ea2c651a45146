// Finds the addresses to publish: fixed ones, those of a Service, or those of the nodes that run its endpoints. Reads what
// the store lacks from the API server, and says in one diagnostic what keeps it from knowing.
import type { Diagnostic } from "../../../ir/diagnostic.ts";
import type { NamespacedName, ObjectReference } from "../../../ir/names.ts";
import { formatName } from "../../../ir/names.ts";
import type { EndpointSlice, Service } from "../../object-types.ts";
import type { ObjectStore } from "../../object-store.ts";
import { validateObject } from "../../validation/validate-object.ts";
import type { ApiAnswer, ApiClient } from "../client/api-client.ts";
import { ApiUnreachable } from "../client/api-client.ts";
import { isMapping } from "../../validation/decode.ts";
import { refusalOf } from "../client/refusal.ts";
import type { PublishedAddress } from "./load-balancer-addresses.ts";
import {
  addressesOfNode,
  addressesOfNodes,
  addressesOfService,
  nodesOfEndpoints,
  publishedAddresses,
  SERVICE_NAME_LABEL,
} from "./load-balancer-addresses.ts";

/** What the status of Ingresses shall say. */
export type AddressOrigin =
  | { readonly type: "fixed"; readonly addresses: readonly string[] }
  | { readonly type: "service"; readonly service: NamespacedName }
  /** Of the nodes on which the Service's endpoints run. */
  | { readonly type: "nodes"; readonly service: NamespacedName };

export interface AddressReading {
  /** Null where they are not known: whatever a status says now then stays. */
  readonly addresses: readonly PublishedAddress[] | null;
  /** Why they are not known. */
  readonly diagnostic: Diagnostic | null;
}

const REQUEST_TIMEOUT_MS = 5_000;
/** Nodes asked about at a time. */
const MAX_PARALLEL = 8;

export class AddressBook {
  readonly #origin: AddressOrigin;
  readonly #store: ObjectStore;
  readonly #client: ApiClient;

  constructor(origin: AddressOrigin, store: ObjectStore, client: ApiClient) {
    this.#origin = origin;
    this.#store = store;
    this.#client = client;
  }

  /** Something that is another value (by `===` of its parts) when what the store says of the addresses may have changed. */
  hints(): readonly unknown[] {
    const origin = this.#origin;
    if (origin.type === "fixed") return [];
    const service = this.#store.get({ kind: "Service", ...origin.service });
    return origin.type === "service" ? [service] : [service === null, ...this.#storedNodes(origin.service)];
  }

  /** @throws ApiUnreachable where the API server had to be asked. */
  async read(): Promise<AddressReading> {
    const origin = this.#origin;
    switch (origin.type) {
      case "fixed":
        return { addresses: publishedAddresses(origin.addresses), diagnostic: null };
      case "service":
        return this.#readService(origin.service);
      case "nodes":
        return this.#readNodes(origin.service);
    }
  }

  async #readService(name: NamespacedName): Promise<AddressReading> {
    const ref = { kind: "Service", ...name };
    const stored = this.#store.get({ kind: "Service", ...name });
    const service = stored ?? (await this.#fetchService(name));
    if (service === null) return unknown(ref, notFound(name));
    if (service === "forbidden") return unknown(ref, forbidden("get", "services", name));
    const addresses = addressesOfService(service);
    return addresses.length === 0 ? unknown(ref, withoutAddress(name)) : { addresses, diagnostic: null };
  }

  async #readNodes(name: NamespacedName): Promise<AddressReading> {
    const ref = { kind: "Service", ...name };
    const isStored = this.#store.get({ kind: "Service", ...name }) !== null;
    const names = isStored ? this.#storedNodes(name) : await this.#fetchNodeNames(name);
    if (names === null) return unknown(ref, forbidden("list", "endpointslices", name));
    const found: (readonly string[])[] = [];
    for (let first = 0; first < names.length; first += MAX_PARALLEL) {
      const batch = names.slice(first, first + MAX_PARALLEL);
      const answers = await Promise.all(batch.map((node) => this.#get(`/api/v1/nodes/${encodeURIComponent(node)}`)));
      if (answers.some(({ status }) => status === 403)) return unknown(ref, forbidden("get", "nodes", name));
      for (const { status, body } of answers) if (status === 200) found.push(addressesOfNode(body));
    }
    const addresses = addressesOfNodes(found);
    return addresses.length === 0 ? unknown(ref, withoutNodes(name)) : { addresses, diagnostic: null };
  }

  #storedNodes({ namespace, name }: NamespacedName): readonly string[] {
    const slices = this.#store.world().endpointSlices.filter(({ metadata }) => metadata.namespace === namespace);
    return nodesOfEndpoints(slices, name);
  }

  /** For a controller that watches other namespaces than its own; null where there is none. */
  async #fetchService({ namespace, name }: NamespacedName): Promise<Service | "forbidden" | null> {
    const { status, body } = await this.#get(`/api/v1${within(namespace)}/services/${encodeURIComponent(name)}`);
    if (status === 403) return "forbidden";
    const validation = status === 200 ? validateObject(body) : null;
    return validation?.outcome === "accepted" && validation.object.kind === "Service" ? validation.object : null;
  }

  /** Null where it is forbidden. */
  async #fetchNodeNames({ namespace, name }: NamespacedName): Promise<readonly string[] | null> {
    const path = `/apis/discovery.k8s.io/v1${within(namespace)}/endpointslices`;
    const { status, body } = await this.#get(path, { labelSelector: `${SERVICE_NAME_LABEL}=${name}` });
    if (status === 403) return null;
    const items = isMapping(body) && Array.isArray(body["items"]) ? (body["items"] as unknown[]) : [];
    return nodesOfEndpoints(items.flatMap(readSlice), name);
  }

  /** An answer that tells something: an object, or that there is none to be had. */
  async #get(path: string, query: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    const answer = await this.#client.send({ method: "GET", path, query, timeoutMs: REQUEST_TIMEOUT_MS });
    const { status, body, retryAfterMs } = answer;
    if (status === 200 || status === 403 || status === 404) return answer;
    throw new ApiUnreachable(refusalOf(status, body, retryAfterMs).message);
  }
}

function within(namespace: string): string {
  return `/namespaces/${encodeURIComponent(namespace)}`;
}

/** An item of a list does not say what it is; one that is broken counts for nothing. */
function readSlice(item: unknown): readonly EndpointSlice[] {
  if (!isMapping(item)) return [];
  const validation = validateObject({ ...item, apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" });
  return validation.outcome === "accepted" && validation.object.kind === "EndpointSlice" ? [validation.object] : [];
}

type Explanation = Pick<Diagnostic, "reason" | "message" | "hint">;

function unknown(object: ObjectReference, explanation: Explanation): AddressReading {
  const diagnostic: Diagnostic = { severity: "warning", object, field: "", location: null, ...explanation };
  return { addresses: null, diagnostic };
}

function notFound(name: NamespacedName): Explanation {
  return {
    reason: "PublishedServiceNotFound",
    message: `there is no Service ${formatName(name)}, whose addresses the status of Ingresses should say`,
    hint: "Create it, or name another one with --publish-service.",
  };
}

function forbidden(verb: string, resource: string, name: NamespacedName): Explanation {
  return {
    reason: "PublishedAddressForbidden",
    message: `RBAC does not allow to ${verb} ${resource}, so the addresses of Service ${formatName(name)} are not known and no status is written`,
    hint: `Grant ${verb} on ${resource}, or write the addresses yourself with --publish-status-address.`,
  };
}

function withoutAddress(name: NamespacedName): Explanation {
  return {
    reason: "PublishedServiceWithoutAddress",
    message: `Service ${formatName(name)} has no address yet, so the status of Ingresses stays as it is`,
    hint: "See kubectl describe service: its load balancer may be pending, or nothing in the cluster makes one.",
  };
}

function withoutNodes(name: NamespacedName): Explanation {
  return {
    reason: "PublishedServiceWithoutNodes",
    message: `Service ${formatName(name)} has no ready endpoint on a node with an address, so the status of Ingresses stays as it is`,
    hint: "See kubectl get endpointslices: it should list the pods of the controller.",
  };
}
