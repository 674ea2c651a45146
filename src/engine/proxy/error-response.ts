// What the proxy says when it answers an error itself: short, text or JSON after Accept, never cached, no addresses.
import { HeaderList } from "../http/header-list.ts";
import { type RequestHead, ResponseHead } from "../http/messages.ts";
import { statusText } from "../http/status-text.ts";
import type { ProxyErrorType } from "./proxy-error.ts";

const MESSAGES: Readonly<Record<ProxyErrorType, string>> = {
  "malformed-request": "the request is malformed",
  "uri-too-long": "the request line is too long",
  "headers-too-large": "the request's headers are too large",
  "body-too-large": "the request's body is larger than this route allows",
  "expectation-failed": "the expectation cannot be met",
  "not-implemented": "the method is not served",
  "request-timeout": "the request did not arrive in time",
  misdirected: "this host is not served on this connection",
  "not-found": "no route matches this host and path",
  "client-closed": "the client closed the connection",
  "connect-refused": "the upstream cannot be reached",
  "connect-timeout": "the upstream did not answer in time",
  "connect-failed": "the upstream cannot be reached",
  "connect-withdrawn": "the upstream cannot be reached",
  "tls-failed": "the upstream's TLS handshake failed",
  "upstream-closed": "the upstream broke off",
  "upstream-malformed": "the upstream's answer is not valid HTTP",
  "upstream-timeout": "the upstream did not answer in time",
  "no-endpoint": "no endpoint is ready",
  internal: "internal error",
};

export interface ErrorResponse {
  readonly head: ResponseHead;
  readonly body: Buffer;
}

/** @param status final, for example after a phase has chosen another. */
export function renderError(
  request: RequestHead,
  status: number,
  type: ProxyErrorType,
  requestId: string,
): ErrorResponse {
  const accept = request.headers.get("accept");
  const isJson = accept !== null && prefersJson(accept);
  const body = Buffer.from(
    isJson ? renderJson(status, MESSAGES[type], requestId) : renderText(status, MESSAGES[type], requestId),
  );
  const contentType = isJson ? "application/json" : "text/plain; charset=utf-8";
  const headers = ["Content-Type", contentType, "Cache-Control", "no-store"];
  // A client that is late with its request is not waited for again.
  if (type === "request-timeout") headers.push("Connection", "close");
  return { head: new ResponseHead(status, "", 11, HeaderList.fromPairs(headers), body.length), body };
}

function renderJson(status: number, message: string, requestId: string): string {
  return `${JSON.stringify({ status, error: statusText(status), message, request_id: requestId })}\n`;
}

function renderText(status: number, message: string, requestId: string): string {
  return `${status} ${statusText(status)}: ${message}\nrequest id: ${requestId}\n`;
}

/** JSON is named, and neither text nor HTML before it. */
function prefersJson(accept: string): boolean {
  const json = accept.search(/application\/(?:[a-z.-]+\+)?json/i);
  if (json < 0) return false;
  const text = accept.search(/text\//i);
  return text < 0 || json < text;
}
