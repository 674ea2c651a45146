// One request as the phases see it: its head, its client, its response, and the figures that logs and metrics are made of.
import type { RequestHead, ResponseHead } from "../http/messages.ts";
import type { Peer } from "../upstream/peer.ts";
import type { DownstreamConnection } from "./downstream.ts";

/** Bounds of one request; times in milliseconds, sizes in bytes. Phases may lower or raise them until the connection is made. */
export interface ExchangeLimits {
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly tunnelIdleTimeoutMs: number;
  /** 0: no limit. */
  readonly maxBodyBytes: number;
  readonly maxAttempts: number;
}

export interface Session {
  readonly connection: DownstreamConnection;
  readonly request: RequestHead;
  /** What the client was or will be answered; null before. */
  readonly response: ResponseHead | null;
  /** Joins log, trace and upstream: 32 hex digits, or what a trusted proxy sent. */
  readonly requestId: string;
  /** The client's address: the connection's, or what trusted proxies say of it. */
  readonly clientAddress: string;
  limits: ExchangeLimits;

  /** Peer of the current or last attempt. */
  readonly peer: Peer | null;
  /** Peers tried, those that were passed over included. */
  readonly attempts: number;
  readonly isUpstreamReused: boolean;
  /** Bytes of bodies and tunnels, without framing. */
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  /** `performance.now()` when the head was complete. */
  readonly startedAt: number;
  /** Milliseconds from connecting to the response head of the last attempt; -1 where none came. */
  readonly upstreamHeaderMs: number;
  /** The worker is draining. */
  readonly isDraining: boolean;

  /**
   * Answers the request without an upstream; at most once, before the response has begun.
   * @param headers flat name, value pairs beside Content-Length.
   */
  respond(status: number, headers: readonly string[], body: string | Buffer): void;
}
