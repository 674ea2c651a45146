// A request written on a command line (`GET https://shop.example/cart`), as a client would send it. Whether it is a valid
// one is for the engine to say; only what no client could mean is refused here.
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { hostOf } from "../../engine/http/authority.ts";
import type { ExplainHeader, ExplainRequest } from "../../ingress/explain/request.ts";
import { quoteText } from "../../lib/untrusted-text.ts";

/** One line for a person: what is wrong, and what to write. */
export interface ExplainProblem {
  readonly problem: string;
}

const EXAMPLE = 'write for example "GET https://shop.example/cart"';

/**
 * @param text method and URL; GET may be left out, and a path alone stands for a request over plain HTTP.
 * @param headers `name: value`; Host takes the place of the URL's host, but for the TLS handshake.
 */
export function parseExplainRequest(text: string, headers: readonly string[]): ExplainRequest | ExplainProblem {
  const words = text.trim().split(/\s+/);
  if (words.length > 2) return { problem: `${quoteText(text)} is more than a method and a URL: ${EXAMPLE}` };
  const [method = "", url = ""] = words.length === 1 ? ["GET", ...words] : words;
  const parts = /^(?:(https?):\/\/([^/?#\\]+))?((?:[/?][^#]*)?)(?:#.*)?$/i.exec(url);
  if (parts === null || url === "") return { problem: `${quoteText(url)} is not an http or https URL: ${EXAMPLE}` };
  const [, scheme = "http", urlAuthority = "", path = ""] = parts;
  if (urlAuthority.includes("@")) {
    return { problem: `${quoteText(urlAuthority)} has a user name, which no client sends in the URL: leave it out` };
  }
  const parsed: ExplainHeader[] = [];
  for (const line of headers) {
    const header = parseHeader(line);
    if ("problem" in header) return header;
    parsed.push(header);
  }
  const authority = toAsciiAuthority(urlAuthority);
  const isHttps = scheme.toLowerCase() === "https";
  return {
    method,
    scheme: isHttps ? "https" : "http",
    authority,
    serverName: isHttps ? serverNameOf(authority) : "",
    target: encodeAsClientsDo(path.startsWith("/") ? path : `/${path}`),
    headers: parsed,
  };
}

function parseHeader(text: string): ExplainHeader | ExplainProblem {
  const header = text.trim();
  const colon = header.indexOf(":");
  if (colon < 1) return { problem: `${quoteText(text)} is not a header: write for example 'x-user: 7'` };
  if (/[\r\n]/.test(header)) return { problem: `${quoteText(text)} has a line break: write -H once for each header` };
  return { name: header.slice(0, colon), value: header.slice(colon + 1).trim() };
}

/** International names in their xn-- form, as every client sends them; everything else as written. */
function toAsciiAuthority(authority: string): string {
  if (/^[!-~]*$/.test(authority)) return authority;
  const colon = authority.indexOf(":");
  const hostEnd = colon === -1 ? authority.length : colon;
  const ascii = domainToASCII(authority.slice(0, hostEnd));
  return ascii === "" ? authority : `${ascii}${authority.slice(hostEnd)}`;
}

/** Clients name no address in a handshake (RFC 6066 §3), and none without a valid host gets that far. */
function serverNameOf(authority: string): string {
  const host = hostOf(authority) ?? "";
  return host.startsWith("[") || isIP(host) !== 0 ? "" : host;
}

/** Escapes what no client sends as it is; escapes that are there stay. */
function encodeAsClientsDo(target: string): string {
  return target.toWellFormed().replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent);
}
