// The phases that a proxy may program, in Pingora's order and meaning. A phase that is missing costs nothing.
import type { HeaderList } from "../http/header-list.ts";
import type { ResponseHead } from "../http/messages.ts";
import type { Peer } from "../upstream/peer.ts";
import type { ProxyError } from "./proxy-error.ts";
import type { Session } from "./session.ts";

type Awaitable<T> = T | Promise<T>;

/**
 * A proxy. `Ctx` is made once a request by `newCtx` and handed to every phase. A phase that throws or rejects with a
 * ProxyError ends the request with that error; anything else it throws counts as `internal` (500).
 */
export interface ProxyHttp<Ctx> {
  newCtx(): Ctx;
  /** Before everything else, for example to refuse cheaply. */
  earlyRequestFilter?(session: Session, ctx: Ctx): Awaitable<void>;
  /** True: the response was already given with `session.respond`, nothing is proxied. */
  requestFilter?(session: Session, ctx: Ctx): Awaitable<boolean>;
  /** Chooses where an attempt goes; called anew for each attempt. Throw ProxyError `no-endpoint` where there is none. */
  upstreamPeer(session: Session, ctx: Ctx): Awaitable<Peer>;
  /**
   * Connecting to `peer` has taken `slowConnectMs`, which is not all of its time. True: the next of `maxAttempts` begins
   * beside it, and the first that has its connection gets the request; the others end before anything was sent on them.
   */
  slowToConnect?(session: Session, peer: Peer, ctx: Ctx): boolean;
  /**
   * No connection to `peer` could be made; nothing was sent. The next attempt follows unless this throws or it was the
   * last one; where it does not follow, but an earlier attempt is still connecting, that one is waited for. True: the
   * peer is passed over, this was not one of `maxAttempts`; at most 32 times a request.
   */
  failToConnect?(session: Session, peer: Peer, ctx: Ctx, error: ProxyError): boolean | void;
  /** As failToConnect for an attempt beside which a later one went on: it failed too, or the later one was faster. */
  attemptAbandoned?(session: Session, peer: Peer, ctx: Ctx, error: ProxyError): void;
  connectedToUpstream?(session: Session, peer: Peer, isReused: boolean, ctx: Ctx): void;
  /** Last look at the headers that go upstream: hop-by-hop lines are gone, forwarding headers are set. */
  upstreamRequestFilter?(session: Session, headers: HeaderList, ctx: Ctx): Awaitable<void>;
  /** Each part of the request body: returns what goes on in its place, null for nothing. `chunk` is null at the end. */
  requestBodyFilter?(session: Session, chunk: Buffer | null, endOfStream: boolean, ctx: Ctx): Buffer | null;
  /** The response head as the upstream sent it, hop-by-hop lines removed. */
  upstreamResponseFilter?(session: Session, response: ResponseHead, ctx: Ctx): Awaitable<void>;
  /** The response head on its way to the client, also for what the proxy answers itself. */
  responseFilter?(session: Session, response: ResponseHead, ctx: Ctx): Awaitable<void>;
  /** As requestBodyFilter, for the response. */
  responseBodyFilter?(session: Session, chunk: Buffer | null, endOfStream: boolean, ctx: Ctx): Buffer | null;
  /** Something failed after the connection to `peer` was there; may throw another error in its place. */
  errorWhileProxy?(session: Session, peer: Peer, ctx: Ctx, error: ProxyError): void;
  /** The request failed for good. Returns the status to answer, 0 to answer nothing. */
  failToProxy?(session: Session, ctx: Ctx, error: ProxyError): number;
  /** Always last, once a request. `error` is null for a request that went well. */
  logging?(session: Session, ctx: Ctx, error: ProxyError | null): void;
}
