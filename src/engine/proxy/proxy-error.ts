// The one error type of the engine: what went wrong, on whose side, and whether another attempt may be made.
// Modelled on Pingora's Error (etype, esource, retry, cause).

export type ProxyErrorType =
  | "malformed-request"
  | "uri-too-long"
  | "headers-too-large"
  | "body-too-large"
  | "expectation-failed"
  | "not-implemented"
  | "request-timeout"
  | "misdirected"
  | "not-found"
  | "client-closed"
  | "connect-refused"
  | "connect-timeout"
  | "connect-failed"
  | "connect-withdrawn"
  | "tls-failed"
  | "upstream-closed"
  | "upstream-malformed"
  | "upstream-timeout"
  | "no-endpoint"
  | "internal";

export type ProxyErrorSource = "downstream" | "upstream" | "internal";

/**
 * `connect`: nothing was sent, another attempt is always safe. `unanswered`: the connection ended before any byte of a
 * response; another attempt is safe for idempotent requests that can be sent again.
 */
export type RetryClass = "never" | "connect" | "unanswered";

export class ProxyError extends Error {
  readonly type: ProxyErrorType;
  readonly source: ProxyErrorSource;
  readonly retry: RetryClass;

  // oxlint-disable-next-line max-params -- type, source and message always, retry and cause seldom
  constructor(
    type: ProxyErrorType,
    source: ProxyErrorSource,
    message: string,
    retry: RetryClass = "never",
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ProxyError";
    this.type = type;
    this.source = source;
    this.retry = retry;
  }
}

/** Status that answers each error; 499 is only logged, never sent. RFC 9110 §15, and nginx for 499. */
const STATUS: Readonly<Record<ProxyErrorType, number>> = {
  "malformed-request": 400,
  "uri-too-long": 414,
  "headers-too-large": 431,
  "body-too-large": 413,
  "expectation-failed": 417,
  "not-implemented": 501,
  "request-timeout": 408,
  misdirected: 421,
  "not-found": 404,
  "client-closed": 499,
  "connect-refused": 502,
  "connect-timeout": 504,
  "connect-failed": 502,
  "connect-withdrawn": 503,
  "tls-failed": 502,
  "upstream-closed": 502,
  "upstream-malformed": 502,
  "upstream-timeout": 504,
  "no-endpoint": 503,
  internal: 500,
};

export function statusOfError(type: ProxyErrorType): number {
  return STATUS[type];
}
