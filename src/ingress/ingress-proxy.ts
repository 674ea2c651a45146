// The proxy that serves a snapshot: a ProxyHttp class like any other. It decides; moving bytes is the engine's.
import { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { ProxyHttp } from "../engine/proxy/proxy-http.ts";
import type { Session } from "../engine/proxy/session.ts";
import { isRefusal } from "../engine/upstream/connect-error.ts";
import { ConnectingAttempts } from "../engine/upstream/connecting-attempts.ts";
import type { Peer } from "../engine/upstream/peer.ts";
import type { CompiledSnapshot } from "./compile.ts";
import type { CompiledUpstream } from "./compiled-upstream.ts";
import { IngressCtx, NONE_TRIED } from "./ingress-ctx.ts";
import { isMisdirected } from "./misdirected.ts";
import type { RequestObserver } from "./request-observer.ts";
import { canonicalizeTarget, plainPathLength } from "./request-path.ts";
import { cameOverPlainHttp, httpsLocation } from "./ssl-redirect.ts";
import { Withdrawals } from "./withdrawals.ts";

// Made once and thrown for many requests: whoever scans for pages that do not exist shall not make us take stack traces.
const NOT_FOUND = new ProxyError("not-found", "downstream", "no route matches");
const MISDIRECTED = new ProxyError("misdirected", "downstream", "the host is not served on this TLS connection");
const NO_ENDPOINT = new ProxyError("no-endpoint", "upstream", "no endpoint of the upstream is ready");
const NO_BACKEND = new ProxyError("no-endpoint", "internal", "the route has no backend to serve it");
const NO_SNAPSHOT = new ProxyError("no-endpoint", "internal", "no configuration has arrived yet");
const SLOW_CONNECT = new ProxyError("connect-timeout", "upstream", "connecting takes long", "connect");
const NO_HOST = new ProxyError("malformed-request", "downstream", "a redirect to https needs a Host");

/** How long requests wait for a worker's first snapshot; after that they are answered 503 until it comes. */
const FIRST_SNAPSHOT_TIMEOUT_MS = 5_000;

export class IngressProxy implements ProxyHttp<IngressCtx> {
  readonly #observers: readonly RequestObserver[];
  #isWaiting = false;
  readonly #firstSnapshot = Promise.withResolvers<CompiledSnapshot>();
  #snapshot: CompiledSnapshot | null;
  #httpsPort: number | null;
  #withdrawals: Withdrawals;

  constructor(observers: readonly RequestObserver[]) {
    this.#observers = observers;
    this.#snapshot = null;
    this.#httpsPort = null;
    this.#withdrawals = new Withdrawals(new ConnectingAttempts());
    this.#firstSnapshot.promise.catch(() => undefined);
  }

  /** What serves requests that begin from now on. */
  get snapshot(): CompiledSnapshot | null {
    return this.#snapshot;
  }

  serve(snapshot: CompiledSnapshot): void {
    const previous = this.#snapshot;
    this.#snapshot = snapshot;
    this.#firstSnapshot.resolve(snapshot);
    if (previous !== null) this.#withdrawals.ofReplaced(previous, snapshot);
  }

  /** The attempts of this worker that are still connecting: those to endpoints that go are ended. */
  watchConnecting(connecting: ConnectingAttempts): void {
    this.#withdrawals = new Withdrawals(connecting);
  }

  /** The endpoints of upstreams of the snapshot were replaced: requests that still connect to those that went go elsewhere. */
  withdrawGone(upstreamIds: readonly string[]): void {
    for (const id of upstreamIds) {
      const upstream = this.#snapshot?.upstreams.get(id);
      if (upstream !== undefined) this.#withdrawals.ofGone(upstream);
    }
  }

  /** Port of the TLS listener, for redirects; null where there is none. */
  setHttpsPort(port: number | null): void {
    this.#httpsPort = port;
  }

  newCtx(): IngressCtx {
    return new IngressCtx(this.#snapshot);
  }

  requestFilter(session: Session, ctx: IngressCtx): boolean | Promise<boolean> {
    const { snapshot } = ctx;
    if (snapshot === null) return this.#filterLater(session, ctx);
    return this.decide(session, ctx, snapshot);
  }

  /** A worker may be connected to before its first snapshot came, which is a moment away. */
  async #filterLater(session: Session, ctx: IngressCtx): Promise<boolean> {
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      setTimeout(() => this.#firstSnapshot.reject(NO_SNAPSHOT), FIRST_SNAPSHOT_TIMEOUT_MS).unref();
    }
    ctx.snapshot = await this.#firstSnapshot.promise;
    return this.decide(session, ctx, ctx.snapshot);
  }

  /** What a snapshot makes of a request: true where it is answered, else its route is in `ctx`. Throws a ProxyError. */
  decide(session: Session, ctx: IngressCtx, snapshot: CompiledSnapshot): boolean {
    const { request, connection } = session;
    if (connection.tls !== null && isMisdirected(connection.tls, request.host, snapshot.identities)) throw MISDIRECTED;
    const path = settlePath(session, ctx);
    const virtualHost = snapshot.hosts.lookup(request.host);
    const route = virtualHost === null ? null : virtualHost.paths.lookup(path);
    if (route === null) throw NOT_FOUND;
    ctx.route = route;
    session.limits = route.limits;
    if (route.respondStatus !== 0) throw route.respondStatus === 404 ? NOT_FOUND : NO_BACKEND;
    return route.redirectsToHttps && this.#redirectToHttps(session);
  }

  upstreamPeer(_session: Session, ctx: IngressCtx): Peer {
    if (ctx.upstream === null && ctx.route !== null) ctx.upstream = ctx.route.selectUpstream();
    const { upstream } = ctx;
    const peer = upstream === null ? null : selectPeer(upstream, ctx);
    if (upstream === null || peer === null) throw NO_ENDPOINT;
    ctx.isPeerEjected = upstream.isEjected(peer);
    if (ctx.failure !== null) {
      for (const observer of this.#observers) observer.onRetry?.(ctx.failure);
    }
    return peer;
  }

  /** Where another endpoint is as good as any, it is tried as well: the request goes to whichever answers first. */
  slowToConnect(_session: Session, peer: Peer, ctx: IngressCtx): boolean {
    if (ctx.upstream === null || !ctx.upstream.hasWellOtherThan(peer, ctx.tried)) return false;
    ctx.addTried(peer);
    ctx.failure = SLOW_CONNECT;
    return true;
  }

  attemptAbandoned(_session: Session, peer: Peer, ctx: IngressCtx, error: ProxyError): void {
    if (ctx.upstream !== null) this.#noteFailure(ctx.upstream, peer, error);
  }

  /** The next attempt goes elsewhere; where there is no elsewhere, this failure is the answer. */
  failToConnect(_session: Session, peer: Peer, ctx: IngressCtx, error: ProxyError): boolean {
    const { upstream } = ctx;
    const isFirst = ctx.failure === null;
    ctx.failure = error;
    ctx.addTried(peer);
    if (upstream === null) throw error;
    this.#noteFailure(upstream, peer, error);
    const isWithdrawn = error.type === "connect-withdrawn";
    // We ended it, so it is for us to find another: if need be among those that failed before.
    if (isWithdrawn && !upstream.hasOtherThan(ctx.tried)) ctx.tried = [peer];
    if (!upstream.hasOtherThan(ctx.tried)) throw error;
    if (isWithdrawn) return true;
    // Where many endpoints go at once, a request shall find one that is left. An upstream that refuses everything has all
    // of its peers ejected after a moment, and its requests have the attempts that they may have.
    return !isFirst && isRefusal(error) && !ctx.isPeerEjected && upstream.takePassOver();
  }

  #noteFailure(upstream: CompiledUpstream, peer: Peer, error: ProxyError): void {
    const isSilent = upstream.noteFailure(peer, error) && error.type !== "connect-refused";
    if (isSilent && upstream.hasWellOtherThan(peer, NONE_TRIED)) this.#withdrawals.ofSilent(upstream, peer);
  }

  connectedToUpstream(_session: Session, peer: Peer, isReused: boolean, ctx: IngressCtx): void {
    if (!isReused && ctx.upstream !== null) ctx.upstream.noteConnected(peer);
    for (const observer of this.#observers) observer.onConnected?.(isReused);
  }

  /** A connection that was idle may have ended for its age alone; a new one that ends unanswered speaks of the peer. */
  errorWhileProxy(session: Session, peer: Peer, ctx: IngressCtx, error: ProxyError): void {
    ctx.failure = error;
    if (error.retry === "unanswered" && !session.isUpstreamReused) ctx.addTried(peer);
  }

  logging(session: Session, ctx: IngressCtx, error: ProxyError | null): void {
    for (const observer of this.#observers) observer.onRequestDone(session, ctx, error);
  }

  #redirectToHttps(session: Session): boolean {
    if (!cameOverPlainHttp(session)) return false;
    const location = httpsLocation(session, this.#httpsPort);
    if (location === null) throw NO_HOST;
    session.respond(308, ["Location", location], "");
    return true;
  }
}

/** One that was not tried; where all were, and the last took the connection at least, any. */
function selectPeer(upstream: CompiledUpstream, ctx: IngressCtx): Peer | null {
  const peer = upstream.selectPeer(ctx.tried);
  return peer === null && ctx.failure?.retry === "unanswered" ? upstream.selectPeer(NONE_TRIED) : peer;
}

/** The path to match; brings the target into the form that is forwarded. */
function settlePath(session: Session, ctx: IngressCtx): string {
  const { request } = session;
  const { target } = request;
  const length = plainPathLength(target);
  if (length !== -1) return length === target.length ? target : target.slice(0, length);
  if (target === "*") throw NOT_FOUND;
  const canonical = canonicalizeTarget(target);
  if (canonical.refusal !== null) throw new ProxyError("malformed-request", "downstream", canonical.refusal);
  if (canonical.target !== target) {
    ctx.receivedTarget = target;
    request.target = canonical.target;
  }
  return canonical.path;
}
