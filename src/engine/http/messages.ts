// Heads of requests and responses, the same for HTTP/1 and HTTP/2.
import type { HeaderList } from "./header-list.ts";

/** HTTP versions as integers: 10, 11, 20. */
export type HttpVersion = 10 | 11 | 20;

/** Body length not known before its end (chunked, or HTTP/2 without content-length). */
export const UNKNOWN_LENGTH = -1;

export class RequestHead {
  /** A token, as received. */
  method: string;
  /** Origin form as received (`/path?query`), or `*`. */
  target: string;
  /** `host[:port]` as received and checked; `""` only from HTTP/1.0 clients without a Host. */
  authority: string;
  /** Lower case, without port and trailing dot; IPv6 in brackets. */
  host: string;
  readonly version: HttpVersion;
  readonly headers: HeaderList;
  /** Bytes of the body, or UNKNOWN_LENGTH; 0 when there is none. */
  readonly contentLength: number;
  /** Lower-case protocol of a valid `Upgrade` (HTTP/1.1, listed in Connection, no body) or of RFC 8441's `:protocol`; `""` for none. */
  readonly upgrade: string;
  /** `Expect: 100-continue` from a client of HTTP/1.1 or later. */
  readonly expectsContinue: boolean;

  // oxlint-disable-next-line max-params -- made once a request on the hot path; an options object would be garbage
  constructor(
    method: string,
    target: string,
    authority: string,
    host: string,
    version: HttpVersion,
    headers: HeaderList,
    contentLength: number,
    upgrade: string,
    expectsContinue: boolean,
  ) {
    this.method = method;
    this.target = target;
    this.authority = authority;
    this.host = host;
    this.version = version;
    this.headers = headers;
    this.contentLength = contentLength;
    this.upgrade = upgrade;
    this.expectsContinue = expectsContinue;
  }
}

export class ResponseHead {
  status: number;
  /** Reason phrase; `""` from HTTP/2. */
  reason: string;
  readonly version: HttpVersion;
  readonly headers: HeaderList;
  /** Bytes of the body that follows, or UNKNOWN_LENGTH; 0 when there is none (also for HEAD, 204, 304). */
  contentLength: number;
  /** What a bodyless answer (HEAD, 304) says of the length the body would have; UNKNOWN_LENGTH where nothing was said. */
  declaredLength: number;

  // oxlint-disable-next-line max-params -- made once a response on the hot path; an options object would be garbage
  constructor(
    status: number,
    reason: string,
    version: HttpVersion,
    headers: HeaderList,
    contentLength: number,
    declaredLength: number = contentLength,
  ) {
    this.status = status;
    this.reason = reason;
    this.version = version;
    this.headers = headers;
    this.contentLength = contentLength;
    this.declaredLength = declaredLength;
  }
}
