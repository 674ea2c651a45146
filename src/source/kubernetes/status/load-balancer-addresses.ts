// The addresses at which clients reach us, as `status.loadBalancer.ingress` has them: where they come from, and how two lists
// compare. Pure.
import { isIP } from "node:net";
import { compareStrings } from "../../../lib/compare-strings.ts";
import type { EndpointSlice, LoadBalancerIngress, LoadBalancerStatus, Service } from "../../object-types.ts";
import { isMapping } from "../../validation/decode.ts";

/** One address, and nothing else. */
export type PublishedAddress = { readonly ip: string } | { readonly hostname: string };

/** A status is copied into every Ingress: beyond this, more nodes tell clients nothing. */
const MAX_NODE_ADDRESSES = 100;

/** On an EndpointSlice: the Service that it belongs to. */
export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

/** From what an administrator wrote or a cloud reports: IP addresses and host names, each once, in a fixed order. */
export function publishedAddresses(texts: Iterable<string>): readonly PublishedAddress[] {
  return [...new Set(texts)]
    .filter((text) => text !== "")
    .toSorted(compareStrings)
    .map((text) => (isIP(text) === 0 ? { hostname: text } : { ip: text }));
}

/**
 * Where a Service is reached, by its type: what its load balancer got and its external addresses, or the name or address that
 * it has within the cluster. The rules are those that users of ingress-nginx know. Empty where it has none yet.
 */
export function addressesOfService({ spec = {}, status }: Service): readonly PublishedAddress[] {
  const { type = "ClusterIP", clusterIP = "", externalIPs = [], externalName = "" } = spec;
  const withinCluster = clusterIP === "None" ? [] : [clusterIP];
  switch (type) {
    case "ExternalName":
      return publishedAddresses([externalName]);
    case "LoadBalancer":
      return publishedAddresses([...textsOf(status?.loadBalancer?.ingress ?? []), ...externalIPs]);
    case "NodePort":
      return publishedAddresses(externalIPs.length > 0 ? externalIPs : withinCluster);
    default:
      return publishedAddresses(withinCluster);
  }
}

/** The nodes on which the Service's endpoints run that can take requests, each once, in a fixed order. */
export function nodesOfEndpoints(slices: readonly EndpointSlice[], service: string): readonly string[] {
  const nodes = new Set<string>();
  for (const { metadata, endpoints } of slices) {
    if (metadata.labels?.[SERVICE_NAME_LABEL] !== service) continue;
    for (const { nodeName = "", conditions } of endpoints ?? []) {
      if (nodeName !== "" && conditions?.ready !== false) nodes.add(nodeName);
    }
  }
  return [...nodes].toSorted(compareStrings);
}

/**
 * The addresses of a node as the API server answered it: the external ones, or where it has none the internal ones; of each
 * family of IP the first.
 */
export function addressesOfNode(node: unknown): readonly string[] {
  const status = isMapping(node) ? node["status"] : undefined;
  const listed = isMapping(status) && Array.isArray(status["addresses"]) ? (status["addresses"] as unknown[]) : [];
  for (const wanted of ["ExternalIP", "InternalIP"]) {
    const byFamily = new Map<number, string>();
    for (const entry of listed) {
      if (!isMapping(entry) || entry["type"] !== wanted || typeof entry["address"] !== "string") continue;
      const family = isIP(entry["address"]);
      if (family !== 0 && !byFamily.has(family)) byFamily.set(family, entry["address"]);
    }
    if (byFamily.size > 0) return [...byFamily.values()];
  }
  return [];
}

/** What the nodes' addresses come to, bounded. */
export function addressesOfNodes(nodes: Iterable<readonly string[]>): readonly PublishedAddress[] {
  return publishedAddresses([...nodes].flat()).slice(0, MAX_NODE_ADDRESSES);
}

/** Whether the status says just this, in whatever order; ports are not ours, and not looked at. */
export function saysExactly(status: LoadBalancerStatus | undefined, addresses: readonly PublishedAddress[]): boolean {
  const current = new Set(textsOf(status?.ingress ?? []));
  const wanted = new Set(textsOf(addresses));
  return current.size === wanted.size && current.isSubsetOf(wanted);
}

/** The status without our addresses; null where it has none of them. */
export function withoutAddresses(
  status: LoadBalancerStatus | undefined,
  ours: readonly PublishedAddress[],
): readonly LoadBalancerIngress[] | null {
  const current = status?.ingress ?? [];
  const mine = new Set(textsOf(ours));
  const rest = current.filter((entry) => !textsOf([entry]).some((text) => mine.has(text)));
  return rest.length === current.length ? null : rest;
}

function textsOf(entries: readonly LoadBalancerIngress[]): string[] {
  return entries.flatMap(({ ip = "", hostname = "" }) => [ip, hostname]).filter((text) => text !== "");
}
