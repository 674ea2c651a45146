// The request to explain, and its head as the engine's own parser reads it, so that what serve refuses is refused here,
// for the same reason.
import type { RequestHead } from "../../engine/http/messages.ts";
import { RequestParser } from "../../engine/http1/request-parser.ts";
import { ProxyError } from "../../engine/proxy/proxy-error.ts";
import { DEFAULT_SERVER_LIMITS } from "../../engine/server/server-options.ts";

export interface ExplainRequest {
  /** As written; whether it is one is for the engine to say. */
  readonly method: string;
  readonly scheme: "http" | "https";
  /** `host[:port]` of the URL, sent as Host where `headers` have none; `""` for a path alone. */
  readonly authority: string;
  /** Server name of the TLS handshake: the URL's host, whatever the Host header says; `""` for http and addresses. */
  readonly serverName: string;
  /** Path and query; not tidied up, so that odd ones can be explained. */
  readonly target: string;
  /** In addition, as written: names and values without line breaks. */
  readonly headers: readonly ExplainHeader[];
}

export interface ExplainHeader {
  readonly name: string;
  readonly value: string;
}

/**
 * The head of the request as HTTP/1 with serve's default limits, or why it is refused. Without any Host it is HTTP/1.0,
 * the only version that allows that.
 */
export function readHead(request: ExplainRequest): RequestHead | ProxyError {
  const { method, target, authority, headers } = request;
  const hasHost = headers.some(({ name }) => isHost(name));
  const lines = headers.map(({ name, value }) => `${name}: ${value}`);
  if (!hasHost && authority !== "") lines.unshift(`Host: ${authority}`);
  const version = hasHost || authority !== "" ? "HTTP/1.1" : "HTTP/1.0";
  const bytes = Buffer.from([`${method} ${target} ${version}`, ...lines, "", ""].join("\r\n"));
  const parser = new RequestParser(DEFAULT_SERVER_LIMITS);
  const head = parser.parse(bytes, 0, bytes.length);
  return head ?? new ProxyError(parser.failure ?? "malformed-request", "downstream", parser.reason);
}

/** What the request's headers do beside Host; a sentence each, without a full stop. */
export function explainHeaders({ scheme, headers }: ExplainRequest): string[] {
  const notes: string[] = [];
  const names = new Map<string, string>();
  for (const { name } of headers) {
    const lowerCase = name.toLowerCase();
    if (lowerCase === "x-forwarded-proto" && scheme === "http") {
      notes.push(`${name} is believed from trusted proxies only; here the request counts as plain HTTP`);
    } else if (!isHost(name)) names.set(lowerCase, name);
  }
  if (names.size > 0) notes.push(`${[...names.values()].join(", ")}: no part in the choice, which is by host and path`);
  return notes;
}

export function isHost(headerName: string): boolean {
  return headerName.toLowerCase() === "host";
}
