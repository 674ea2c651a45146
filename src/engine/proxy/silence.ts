// When nothing moves, or too little: whose fault is it?
import { ProxyError } from "./proxy-error.ts";

/** Upload rates are judged after so long, and every so often. */
export const RATE_PERIOD_MS = 10_000;

/** What an exchange looks like when its timer fires. */
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
  /** No byte of a body, either way, has moved for as long as the route allows. */
  readonly isIdle: boolean;
  /** The request's body comes in below the minimum rate. */
  readonly isUploadTooSlow: boolean;
}

/** The error that ends the exchange, or null: wait on. */
export function judgeSilence(silence: Silence): ProxyError | null {
  const { isAwaitingHead, isIdle, isRequestEnded, isRequestPaused } = silence;
  if (silence.isFiltering) return null;
  if (isAwaitingHead && isRequestEnded) {
    return new ProxyError("upstream-timeout", "upstream", "the upstream did not answer in time");
  }
  if (isAwaitingHead && !isRequestPaused && (isIdle || silence.isUploadTooSlow)) {
    return new ProxyError("request-timeout", "downstream", "the request's body comes too slowly");
  }
  if (!isIdle) return null;
  if (isAwaitingHead) {
    return new ProxyError("upstream-timeout", "upstream", "the upstream does not take the request's body");
  }
  // A client that takes less than its buffer of 64 KiB in that time moves nothing: this is the lowest download rate.
  return silence.isResponsePaused
    ? new ProxyError("client-closed", "downstream", "the client stopped reading the response")
    : new ProxyError("upstream-timeout", "upstream", "the upstream stopped sending");
}

/** Measures the rate of an upload while nobody holds it back. */
export class UploadRate {
  readonly #minBytesPerSecond: number;
  #since = 0;
  #bytes = 0;

  /** @param minBytesPerSecond 0: no bound. */
  constructor(minBytesPerSecond: number) {
    this.#minBytesPerSecond = minBytesPerSecond;
  }

  /** The client may send from now on; what came before does not count. */
  restart(nowMs: number, bytes: number): void {
    this.#since = nowMs;
    this.#bytes = bytes;
  }

  /** Below the minimum on the average since the restart, after a grace of one period. */
  isTooSlow(nowMs: number, bytes: number): boolean {
    const judgedMs = nowMs - this.#since - RATE_PERIOD_MS;
    return judgedMs >= 0 && bytes - this.#bytes < (this.#minBytesPerSecond * (judgedMs + RATE_PERIOD_MS)) / 1000;
  }
}
