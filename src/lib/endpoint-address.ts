// IP addresses of endpoints: which are served, in the one spelling that comparisons rely on.
import { isIPv4, isIPv6 } from "node:net";

/**
 * The address in its canonical spelling, or null for one that is not an address or that no endpoint can have: unspecified,
 * link-local (where clouds keep their metadata services) and multicast, as the API server refuses them. Loopback is
 * allowed, although the API server refuses it too: manifests without a cluster need it.
 */
export function readAddress(text: string): string | null {
  if (isIPv4(text)) return isUsableIPv4(text) ? text : null;
  if (!isIPv6(text)) return null;
  // Drops leading zeros and upper case; a zone (`%eth0`) is no URL host and gives null.
  const canonical = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
  return canonical !== undefined && isUsableIPv6(canonical) ? canonical : null;
}

function isUsableIPv4(address: string): boolean {
  const first = Number(address.slice(0, address.indexOf(".")));
  return first !== 0 && first < 224 && !address.startsWith("169.254.");
}

function isUsableIPv6(address: string): boolean {
  // An IPv4 address in IPv6 notation would slip past the checks above.
  if (address === "::" || address.startsWith("::ffff:")) return false;
  return !/^fe[89ab]/.test(address) && !address.startsWith("ff");
}
