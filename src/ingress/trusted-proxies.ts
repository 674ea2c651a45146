// Which addresses belong to proxies whose forwarding headers are believed.
import { BlockList, isIP } from "node:net";
import type { TrustPredicate } from "../engine/proxy/forwarding.ts";

/**
 * @param cidrs `10.0.0.0/8`, `fd00::/8`; an address alone stands for itself. Throws an Error on anything else.
 * @returns a predicate that takes any text: forwarding headers hold what clients wrote.
 */
export function createTrustPredicate(cidrs: readonly string[]): TrustPredicate {
  if (cidrs.length === 0) return () => false;
  const trusted = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", prefix] = cidr.split("/");
    const family = familyOf(address);
    if (family === null) throw new Error(`"${cidr}" is not a range of addresses`);
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  return (address) => {
    const family = familyOf(address);
    return family !== null && trusted.check(address, family);
  };
}

function familyOf(address: string): "ipv4" | "ipv6" | null {
  const version = isIP(address);
  return version === 0 ? null : version === 4 ? "ipv4" : "ipv6";
}
