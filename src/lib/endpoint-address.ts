// IP addresses of endpoints: which are served, in the one spelling that comparisons rely on. The only place that says which
// addresses nothing may be connected to; whoever takes an address from an object or from DNS asks here.
import { isIPv4, isIPv6 } from "node:net";

/** Whether loopback addresses are endpoints: for manifests without a cluster they are, for the objects of tenants never. */
export type LoopbackRule = "serve-loopback" | "refuse-loopback";

/** The address in its canonical spelling, or what the text is instead, to follow `is` in a sentence. */
export type AddressReading =
  | { readonly address: string; readonly fault: null }
  | { readonly address: null; readonly fault: AddressFault };

export type AddressFault =
  | "not an IP address"
  | "an unspecified address"
  | "a loopback address"
  | "a link-local address"
  | "a multicast or reserved address"
  | "an IPv4 address in a form of IPv6";

/**
 * Refuses what the API server refuses in an EndpointSlice (unspecified, link-local, where clouds keep their metadata
 * services, and multicast, with broadcast and what is reserved beside it), loopback where the rule says so, and IPv4
 * addresses in IPv6 notation, which would be a way around. Of these, the addresses of a NAT64 gateway (RFC 6052 §2.1) are
 * what a name resolves to in a cluster without IPv4: they are as good as the IPv4 address inside.
 */
export function readAddress(text: string, loopback: LoopbackRule): AddressReading {
  if (isIPv4(text)) return readingOf(text, judgeIPv4(text), loopback);
  if (!isIPv6(text)) return refuse("not an IP address");
  // Drops leading zeros and upper case; a zone (`%eth0`) is no URL host and gives null.
  const canonical = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
  return canonical === undefined ? refuse("not an IP address") : readingOf(canonical, judgeIPv6(canonical), loopback);
}

/**
 * The address that a name of digits is to `inet_aton` (`127.1`, `2130706433`, `0x7f.1`), which system resolvers ask before any
 * server; null for other names. `host` is lower-case and has no characters but those of DNS names.
 */
export function readNumericName(host: string): string | null {
  const hostname = URL.parse(`http://${host}/`)?.hostname ?? "";
  return isIPv4(hostname) ? hostname : null;
}

function readingOf(address: string, fault: AddressFault | null, loopback: LoopbackRule): AddressReading {
  const isServed = fault === null || (fault === "a loopback address" && loopback === "serve-loopback");
  return isServed ? { address, fault: null } : refuse(fault);
}

function refuse(fault: AddressFault): AddressReading {
  return { address: null, fault };
}

/** Nearly all addresses are such and are fine, so the parts are not taken apart before they have to be. */
function judgeIPv4(address: string): AddressFault | null {
  const first = Number(address.slice(0, address.indexOf(".")));
  if (first === 0) return "an unspecified address";
  if (first === 127) return "a loopback address";
  if (first >= 224) return "a multicast or reserved address";
  return address.startsWith("169.254.") ? "a link-local address" : null;
}

/** `address` is canonical (RFC 5952), but for IPv4 parts, which are in hexadecimal. */
function judgeIPv6(address: string): AddressFault | null {
  if (address === "::") return "an unspecified address";
  if (address === "::1") return "a loopback address";
  if (/^fe[89ab]/.test(address)) return "a link-local address";
  if (address.startsWith("ff")) return "a multicast or reserved address";
  if (isIPv4InIPv6(address)) return "an IPv4 address in a form of IPv6";
  const translated = translatedIPv4(address);
  const fault = translated === null ? null : judgeIPv4(translated);
  // What is behind a gateway is not this machine, so that no rule about loopback can allow it.
  return fault === "a loopback address" ? "an IPv4 address in a form of IPv6" : fault;
}

/** IPv4-compatible (`::/96`, RFC 4291 §2.5.5.1), -mapped (`::ffff:0:0/96`) and -translated (`::ffff:0:0:0/96`, RFC 2765 §2.1). */
function isIPv4InIPv6(address: string): boolean {
  return address.startsWith("::ffff:") || /^::[0-9a-f]{1,4}(?::[0-9a-f]{1,4})?$/.test(address);
}

/** The IPv4 address in one of `64:ff9b::/96`, or null for any other. */
function translatedIPv4(address: string): string | null {
  if (!address.startsWith("64:ff9b::")) return null;
  const groups = address.slice("64:ff9b::".length).split(":");
  if (groups.length > 2) return null;
  const [low = "", high = ""] = groups.toReversed();
  const value = Number.parseInt(high === "" ? "0" : high, 16) * 0x1_0000 + Number.parseInt(low === "" ? "0" : low, 16);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
}
