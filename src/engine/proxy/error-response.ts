// What the proxy says when it answers an error itself: short, text or JSON after Accept, never cached, no addresses.
import { statusText } from "../http/status-text.ts";
import type { RequestHead } from "../http/messages.ts";
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
  "tls-failed": "the upstream's TLS handshake failed",
  "upstream-closed": "the upstream broke off",
  "upstream-malformed": "the upstream's answer is not valid HTTP",
  "upstream-timeout": "the upstream did not answer in time",
  "no-endpoint": "no endpoint is ready",
  internal: "internal error",
};

export interface ErrorResponse {
  readonly contentType: string;
  readonly body: string;
}

export function describeError(type: ProxyErrorType): string {
  return MESSAGES[type];
}

/** @param message one sentence for the client, without a full stop. */
export function renderError(request: RequestHead, status: number, message: string, requestId: string): ErrorResponse {
  const accept = request.headers.get("accept");
  if (accept !== null && prefersJson(accept)) {
    const body = JSON.stringify({ status, error: statusText(status), message, request_id: requestId });
    return { contentType: "application/json", body: `${body}\n` };
  }
  return {
    contentType: "text/plain; charset=utf-8",
    body: `${status} ${statusText(status)}: ${message}\nrequest id: ${requestId}\n`,
  };
}

/** JSON is named, and neither text nor HTML before it. */
function prefersJson(accept: string): boolean {
  const json = accept.search(/application\/(?:[a-z.-]+\+)?json/i);
  if (json < 0) return false;
  const text = accept.search(/text\//i);
  return text < 0 || json < text;
}
