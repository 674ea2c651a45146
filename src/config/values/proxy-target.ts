// URL[=WEIGHT]: an upstream of `penstock proxy`.
import { isIP } from "node:net";
import { quoteText } from "../../lib/untrusted-text.ts";
import { parsed, refused } from "../parsed.ts";
import type { Parsed } from "../parsed.ts";

export interface ProxyTarget {
  readonly protocol: "http" | "https";
  /** A host name in lower case, or an address without brackets. */
  readonly host: string;
  readonly isAddress: boolean;
  readonly port: number;
  /** Relative, 0 to 1,000,000. */
  readonly weight: number;
}

const MAX_WEIGHT = 1_000_000;
const EXAMPLE = "write for example http://127.0.0.1:3000 or http://127.0.0.1:3000=20";

/** Only scheme, host and port may be set: paths pass through as the client sent them, and credentials have no place in flags. */
export function parseProxyTarget(text: string): Parsed<ProxyTarget> {
  const equals = text.lastIndexOf("=");
  const weightText = equals === -1 ? "1" : text.slice(equals + 1);
  const weight = /^\d{1,7}$/.test(weightText) ? Number(weightText) : Number.NaN;
  if (!(weight <= MAX_WEIGHT)) {
    return refused(`${quoteText(text)} has no weight from 0 to ${MAX_WEIGHT} after "=": ${EXAMPLE}`);
  }
  const urlText = equals === -1 ? text : text.slice(0, equals);
  const url = URL.parse(urlText);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return refused(`${quoteText(text)} is not an http or https URL: ${EXAMPLE}`);
  }
  if (url.username !== "" || url.password !== "") return refused(`the URL holds a user name or password: ${EXAMPLE}`);
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return refused(
      `${quoteText(text)} has more than a host and port: paths pass through unchanged, write ${url.origin}`,
    );
  }
  if (url.port === "0") return refused(`${quoteText(text)} has port 0, which nothing listens on: ${EXAMPLE}`);
  const protocol = url.protocol === "https:" ? "https" : "http";
  const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const port = url.port === "" ? (protocol === "https" ? 443 : 80) : Number(url.port);
  return parsed({ protocol, host, isAddress: isIP(host) !== 0, port, weight });
}
