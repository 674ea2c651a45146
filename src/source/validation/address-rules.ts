// The rules for IP addresses in objects. Stricter than the API server in one way: an address that two programs could
// read differently (leading zeros, IPv4 inside IPv6) is refused, as Kubernetes announced that it will (KEP-4858).
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

export type AddressFamily = "IPv4" | "IPv6";

/** What is wrong with an address of that family, or null. */
export function addressError(value: string, family: AddressFamily): string | null {
  if (familyOf(value) === family) return ambiguityError(value);
  return `must be a valid ${family} address`;
}

/** What is wrong with an address of either family, or null. */
export function anyAddressError(value: string): string | null {
  if (familyOf(value) !== null) return ambiguityError(value);
  return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
}

/** True for whatever some program could read as an IP address, so that a host is never one. */
export function looksLikeAddress(value: string): boolean {
  return familyOf(value) !== null;
}

/** Why no endpoint may have a valid address of this range, or null. Loopback is another matter: see `isLoopback`. */
export function specialAddressError(value: string): string | null {
  switch (rangeOf(value)) {
    case "unspecified":
      return `may not be unspecified (${value})`;
    case "linkLocal":
      return "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
    case "multicast":
      return "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
    default:
      return null;
  }
}

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(value: string): boolean {
  return rangeOf(value) === "loopback";
}

/** Leading zeros are dropped first: Go's parser of old took `010.0.0.1` for `10.0.0.1`. */
function familyOf(value: string): AddressFamily | null {
  if (isIPv4(withoutLeadingZeros(value))) return "IPv4";
  // A zone (`fe80::1%eth0`) names an interface of one machine and means nothing in an object.
  return isIPv6(value) && !value.includes("%") ? "IPv6" : null;
}

function ambiguityError(value: string): string | null {
  if (isIPv4(value)) return null;
  if (!isIPv6(value)) return "must not have leading 0s";
  return rangeOf(value) === "ipv4Mapped" ? "must not be an IPv4-mapped IPv6 address" : null;
}

function withoutLeadingZeros(value: string): string {
  // No address is longer, and splitting a megabyte helps nobody.
  if (value.length > 64) return value;
  return value
    .split(".")
    .map((part) => part.replace(/^0+(?=[0-9])/, ""))
    .join(".");
}

function rangeOf(value: string): string {
  return ipaddr.isValid(value) ? ipaddr.parse(value).range() : "";
}
