// What a client may ask of one HTTP/2 connection.
import type { Http2HeadLimits } from "./request-head.ts";

export interface Http2ServerLimits extends Http2HeadLimits {
  /** Streams that a client may have open. */
  readonly maxConcurrentStreams: number;
  /** Bytes of a request's body that a client may send ahead of their use. */
  readonly streamWindowBytes: number;
  /** The same for all requests of a connection together: what its bodies hold of memory at most. */
  readonly connectionWindowBytes: number;
  /** For the preface, and for a header block from its first frame to its last. */
  readonly headerTimeoutMs: number;
  /** Without a stream open. */
  readonly idleTimeoutMs: number;
  /** Requests after which the connection is drained. */
  readonly maxRequests: number;
}

/** Limits where nobody says otherwise. */
export const DEFAULT_HTTP2_SERVER_LIMITS: Http2ServerLimits = {
  maxHeaderCount: 100,
  maxHeaderBytes: 32 * 1024,
  maxRequestLineBytes: 8 * 1024,
  maxConcurrentStreams: 128,
  streamWindowBytes: 128 * 1024,
  connectionWindowBytes: 1024 * 1024,
  headerTimeoutMs: 10_000,
  idleTimeoutMs: 75_000,
  maxRequests: 10_000,
};
