// A request written on a command line (`GET https://shop.example/cart`), as the proxy would receive it.
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { quoteText } from "../lib/untrusted-text.ts";

export interface ExplainRequest {
  /** A token, as written: methods are case-sensitive (RFC 9110 §9.1). */
  readonly method: string;
  readonly scheme: "http" | "https";
  /** As in the Host header. */
  readonly authority: string;
  /** Lower case, without port and trailing dot; `""` where none was given. */
  readonly host: string;
  /** Server name of the TLS handshake: the URL's host, whatever the Host header says; `""` for http and addresses. */
  readonly serverName: string;
  /** Path and query; not tidied up, so that odd ones can be explained. */
  readonly target: string;
}

/** One line for a person: what is wrong, and what to write. */
export interface ExplainProblem {
  readonly problem: string;
}

const EXAMPLE = 'write for example "GET https://shop.example/cart"';

/**
 * @param text method and URL; GET may be left out, and a path alone stands for a request over plain HTTP.
 * @param headers `name: value`; of these only Host counts so far.
 */
export function parseExplainRequest(text: string, headers: readonly string[]): ExplainRequest | ExplainProblem {
  const words = text.trim().split(/\s+/);
  const [method = "", url = ""] = words.length === 1 ? ["GET", ...words] : words;
  if (words.length > 2) return { problem: `${quoteText(text)} is more than a method and a URL: ${EXAMPLE}` };
  if (!isToken(method)) return { problem: `${quoteText(method)} is not a method: ${EXAMPLE}` };
  const parts = /^(?:(https?):\/\/([^/?#\\]+))?((?:[/?][^#]*)?)(?:#.*)?$/i.exec(url);
  if (parts === null || url === "") return { problem: `${quoteText(url)} is not an http or https URL: ${EXAMPLE}` };
  const [, scheme = "http", urlAuthority = "", path = ""] = parts;
  const urlHost = hostOf(urlAuthority);
  if (urlHost === null) return { problem: `${quoteText(urlAuthority)} is not a host: ${EXAMPLE}` };

  const hostHeader = findHost(headers);
  if (hostHeader !== null && typeof hostHeader !== "string") return hostHeader;
  const authority = hostHeader ?? urlAuthority;
  const host = hostOf(authority);
  if (host === null) return { problem: `${quoteText(authority)} is not a host` };
  const isHttps = scheme.toLowerCase() === "https";
  return {
    method,
    scheme: isHttps ? "https" : "http",
    authority,
    host,
    serverName: isHttps && isIP(urlHost.replaceAll(/[[\]]/g, "")) === 0 ? urlHost : "",
    target: encodeAsClientsDo(path.startsWith("/") ? path : `/${path}`),
  };
}

function findHost(headers: readonly string[]): string | null | ExplainProblem {
  let host: string | null = null;
  for (const header of headers) {
    const colon = header.indexOf(":");
    const name = header.slice(0, Math.max(colon, 0)).trim();
    if (!isToken(name)) return { problem: `${quoteText(header)} is not a header: write for example 'x-user: 7'` };
    if (name.toLowerCase() === "host") host = header.slice(colon + 1).trim();
  }
  return host;
}

/** RFC 9110 §5.6.2. */
function isToken(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);
}

/** Without port and trailing dot, international names in their xn-- form; null where it is none. */
function hostOf(authority: string): string | null {
  const parts = /^(\[[0-9A-Fa-f:.]+\]|[^:@[\]]*)(?::[0-9]{1,5})?$/.exec(authority);
  if (parts === null) return null;
  const host = (parts[1] ?? "").toLowerCase().replace(/\.$/, "");
  if (host === "" || host.startsWith("[")) return host;
  const ascii = domainToASCII(host);
  return ascii === "" ? null : ascii;
}

/** Escapes what no client sends as it is; escapes that are there stay. */
function encodeAsClientsDo(target: string): string {
  return target.toWellFormed().replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent);
}
