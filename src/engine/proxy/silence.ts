// When nothing moves for as long as a route allows: whose fault is it?
import { ProxyError } from "./proxy-error.ts";

/** What an exchange looked like when its timer fired. */
export interface Silence {
  /** The request is going out, or out; no final response head has come. */
  readonly isAwaitingHead: boolean;
  /** A phase holds the response head. */
  readonly isFiltering: boolean;
  readonly isRequestEnded: boolean;
  /** The client is held back because the upstream does not take what it sent. */
  readonly isRequestPaused: boolean;
  /** The upstream is held back because the client does not take what it sent. */
  readonly isResponsePaused: boolean;
  /** Bytes of bodies, both ways, since the timer was armed or last fired. */
  readonly bytesMoved: number;
  /** What a request body has to exceed in that time. */
  readonly slowestBodyBytes: number;
}

/** The error that ends the exchange, or null: wait on. */
export function judgeSilence(silence: Silence): ProxyError | null {
  const { bytesMoved, isAwaitingHead, isRequestEnded, isRequestPaused } = silence;
  if (silence.isFiltering) return null;
  if (isAwaitingHead && isRequestEnded) {
    return new ProxyError("upstream-timeout", "upstream", "the upstream did not answer in time");
  }
  if (isAwaitingHead && !isRequestPaused && bytesMoved <= silence.slowestBodyBytes) {
    return new ProxyError("request-timeout", "downstream", "the request's body comes too slowly");
  }
  if (bytesMoved > 0) return null;
  if (isAwaitingHead) {
    return new ProxyError("upstream-timeout", "upstream", "the upstream does not take the request's body");
  }
  return silence.isResponsePaused
    ? new ProxyError("client-closed", "downstream", "the client stopped reading the response")
    : new ProxyError("upstream-timeout", "upstream", "the upstream stopped sending");
}
