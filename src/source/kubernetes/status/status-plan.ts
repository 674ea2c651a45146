// What the status of one Ingress should become, given what it says. Pure.
import type { Ingress, LoadBalancerIngress } from "../../object-types.ts";
import type { PublishedAddress } from "./load-balancer-addresses.ts";
import { saysExactly, withoutAddresses } from "./load-balancer-addresses.ts";

/** What is wanted of an Ingress. */
export type StatusWish =
  /** It is ours: its status says just these. */
  | { readonly type: "publish"; readonly addresses: readonly PublishedAddress[] }
  /** It was ours: these addresses that we wrote go, and what others wrote stays. */
  | { readonly type: "withdraw"; readonly addresses: readonly PublishedAddress[] };

/** The new list of `status.loadBalancer.ingress`; null where there is nothing to write. */
export function planStatus(ingress: Ingress, wish: StatusWish): readonly LoadBalancerIngress[] | null {
  const current = ingress.status?.loadBalancer;
  if (wish.type === "withdraw") return withoutAddresses(current, wish.addresses);
  return saysExactly(current, wish.addresses) ? null : wish.addresses;
}

/**
 * A merge patch (RFC 7396) of the status. The version makes it a conflict where anybody else wrote meanwhile.
 * @param list where it is empty the field goes.
 */
export function statusPatch(ingress: Ingress, list: readonly LoadBalancerIngress[]): unknown {
  const { resourceVersion } = ingress.metadata;
  return {
    ...(resourceVersion !== undefined && { metadata: { resourceVersion } }),
    status: { loadBalancer: { ingress: list.length === 0 ? null : list } },
  };
}
