// Errors that the workflow itself finds or makes.
import type { RequestHead, ResponseHead } from "../http/messages.ts";
import { ProxyError } from "./proxy-error.ts";

/** What a phase threw: a ProxyError as it is, anything else as `internal`. */
export function toProxyError(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  return new ProxyError("internal", "internal", `a phase failed: ${String(error)}`, "never", error);
}

/** @param maxBodyBytes the limit of the route. */
export function bodyTooLarge(maxBodyBytes: number): ProxyError {
  return new ProxyError("body-too-large", "downstream", `the request's body is larger than ${maxBodyBytes} bytes`);
}

/** Over HTTP/2 every 2xx tells the client that its WebSocket is open (RFC 8441 §5), also an upstream's ordinary answer. */
export function wouldOpenWebSocket(request: RequestHead, { status }: ResponseHead): boolean {
  return request.version === 20 && request.upgrade !== "" && status >= 200 && status < 300;
}
