// ADDR: where a listener binds. `host:port`, `[v6]:port`, or `:port` for every address of both families.
import { isIPv6 } from "node:net";
import { quoteText } from "../../lib/untrusted-text.ts";
import { parsed, refused } from "../parsed.ts";
import type { Parsed } from "../parsed.ts";

export interface ListenAddress {
  /** An address or a host name, without brackets; `::` means every address of both families. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Every address, IPv4 too: Node binds `::` with IPV6_V6ONLY off. */
const EVERY_ADDRESS = "::";

const FORMS = "write host:port, [v6]:port or :port, for example :8080";

export function parseListenAddress(text: string): Parsed<ListenAddress> {
  if (/^\d+$/.test(text)) return refused(`${quoteText(text)} has no colon: write :${text} for every address`);
  if (text.includes("://")) return refused(`${quoteText(text)} is a URL, not an address: ${FORMS}`);
  const colon = text.lastIndexOf(":");
  if (colon === -1) return refused(`${quoteText(text)} has no port: ${FORMS}`);
  const portText = text.slice(colon + 1);
  const hostText = text.slice(0, colon);
  const isBracketed = hostText.startsWith("[") && hostText.endsWith("]");
  if (hostText.includes(":") && !isBracketed) {
    return refused(`${quoteText(text)} needs brackets around its IPv6 address: write [::1]:8080`);
  }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) return refused(`${quoteText(text)} has no port from 0 to 65535: ${FORMS}`);
  if (hostText === "") return parsed({ host: EVERY_ADDRESS, port });
  if (isBracketed) {
    const host = hostText.slice(1, -1);
    return isIPv6(host)
      ? parsed({ host, port })
      : refused(`${quoteText(host)} is not an IPv6 address: write [::1]:8080`);
  }
  if (hostText === "*") return refused(`${quoteText(text)}: write :${portText} for every address`);
  return /^[A-Za-z0-9._-]{1,253}$/.test(hostText)
    ? parsed({ host: hostText, port })
    : refused(`${quoteText(hostText)} is not a host name or address: ${FORMS}`);
}
