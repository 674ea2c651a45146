// Errors that the workflow itself makes in more than one place.
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
