// The proxying workflow: one request from its head to its log line, over however many attempts. It exists once, for
// every pair of protocols; both sides are interfaces. States only go forward, except back to an attempt for a retry.
import type { HeaderList } from "../http/header-list.ts";
import { RESPONSE_HOP_BY_HOP } from "../http/hop-by-hop.ts";
import { type RequestHead, ResponseHead, UNKNOWN_LENGTH } from "../http/messages.ts";
import type { Peer } from "../upstream/peer.ts";
import type { DownstreamConnection, DownstreamHandler, DownstreamStream } from "./downstream.ts";
import { type EarlierAttempt, EarlierAttempts } from "./earlier-attempts.ts";
import { renderError } from "./error-response.ts";
import type { ExchangeRuntime } from "./exchange-runtime.ts";
import { clientAddressOf, trustedRequestId } from "./forwarding.ts";
import { bodyTooLarge, toProxyError, wouldOpenWebSocket } from "./exchange-errors.ts";
import type { PhaseSlots } from "./phases.ts";
import { ProxyError, statusOfError } from "./proxy-error.ts";
import { ReplayBuffer } from "./replay-buffer.ts";
import { nextRequestId } from "./request-id.ts";
import { type FilteredExchange, startRequest } from "./request-phases.ts";
import { isIdempotent, isRetrySafe, MAX_PASSED_OVER } from "./retry.ts";
import type { ExchangeLimits } from "./session.ts";
import { checkedHeaders, completeResponseHeaders } from "./response-headers.ts";
import { judgeSilence, RATE_PERIOD_MS, UploadRate } from "./silence.ts";
import { prepareUpstreamHeaders } from "./upstream-headers.ts";
import type { UpstreamHandler, UpstreamStream } from "./upstream-stream.ts";

const State = {
  /** Request phases run, or an attempt chooses its peer. */
  choosing: 0,
  connecting: 1,
  /** The request goes out; no final response head yet. */
  awaiting: 2,
  /** The response head is in the hands of a phase. */
  filtering: 3,
  responding: 4,
  tunnel: 5,
  done: 6,
} as const;

type BodyFilter<Ctx> = NonNullable<PhaseSlots<Ctx>["requestBodyFilter"]>;

export class Exchange<Ctx> implements FilteredExchange<Ctx>, DownstreamHandler, UpstreamHandler {
  readonly request: RequestHead;
  readonly connection: DownstreamConnection;
  readonly requestId: string;
  readonly startedAt: number;
  response: ResponseHead | null = null;
  limits: ExchangeLimits;
  peer: Peer | null = null;
  attempts = 0;
  isUpstreamReused = false;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  upstreamHeaderMs = -1;
  readonly slots: PhaseSlots<Ctx>;
  readonly ctx: Ctx;
  isHeadSent = false;
  readonly #runtime: ExchangeRuntime<Ctx>;
  readonly #downstream: DownstreamStream;
  /** Of the current attempt. */
  #upstream: UpstreamStream | null = null;
  /** Null nearly always; never set once an attempt has its connection. */
  #earlier: EarlierAttempts | null = null;
  #state: number = State.choosing;
  #attemptStartedAt = 0;
  /** Attempts that do not count. */
  #passedOver = 0;
  #isRequestEnded: boolean;
  #isRequestPaused = true;
  #isResponsePaused = false;
  #areHeadersReady = false;
  /** Parts of the request body that another attempt would have to send again; null where there is nothing to keep. */
  #replay: ReplayBuffer | null = null;
  /** Bytes of both bodies when the timer last fired, and since when there have been no more; see silence.ts. */
  #bytesAtLastCheck = 0;
  #movedAt = 0;
  /** Null without a body of the request. */
  #uploadRate: UploadRate | null = null;

  constructor(runtime: ExchangeRuntime<Ctx>, downstream: DownstreamStream) {
    const { request, connection } = downstream;
    this.request = request;
    this.connection = connection;
    this.requestId = trustedRequestId(request.headers, connection) ?? nextRequestId();
    this.startedAt = performance.now();
    this.limits = runtime.limits;
    this.slots = runtime.slots;
    this.#runtime = runtime;
    this.#downstream = downstream;
    this.#isRequestEnded = request.contentLength === 0;
    this.ctx = runtime.slots.newCtx();
  }

  get clientAddress(): string {
    return clientAddressOf(this.request.headers, this.connection, this.#runtime.trusts);
  }

  get isDraining(): boolean {
    return this.#runtime.isDraining;
  }

  start(): void {
    startRequest(this);
  }

  // ---- attempts --------------------------------------------------------------------------------------------------

  attempt(): void {
    this.#state = State.choosing;
    this.attempts++;
    try {
      const peer = this.slots.upstreamPeer(this, this.ctx);
      if (peer instanceof Promise) this.#connectLater(peer);
      else this.#connect(peer);
    } catch (error) {
      this.#failAttempt(toProxyError(error));
    }
  }

  /** Meanwhile an earlier attempt may have its connection, and even be over. */
  #connectLater(peer: Promise<Peer>): void {
    const attempt = this.attempts;
    const isCurrent = (): boolean => this.#state === State.choosing && this.attempts === attempt;
    peer.then(
      (chosen) => {
        if (isCurrent()) this.#connect(chosen);
      },
      (error: unknown) => {
        if (isCurrent()) this.#failAttempt(toProxyError(error));
      },
    );
  }

  #connect(peer: Peer): void {
    this.peer = peer;
    this.#state = State.connecting;
    this.#attemptStartedAt = performance.now();
    const upstream = this.#runtime.pool.open(peer, this.limits.connectTimeoutMs, this, this.attempts > 1);
    this.#upstream = upstream;
    if (upstream.isConnected) this.onConnected(upstream);
  }

  onSlowConnect(stream: UpstreamStream): void {
    const { slowToConnect, attemptAbandoned } = this.slots;
    if (slowToConnect === null || stream !== this.#upstream || !this.#hasAttemptLeft()) return;
    try {
      if (!slowToConnect(this, stream.peer, this.ctx)) return;
    } catch (error) {
      this.fail(toProxyError(error));
      return;
    }
    this.#earlier ??= new EarlierAttempts((peer, error) => attemptAbandoned?.(this, peer, this.ctx, error));
    this.#earlier.push({ stream, startedAt: this.#attemptStartedAt });
    this.#upstream = null;
    this.attempt();
  }

  /** The first attempt that has its connection ends the others, and tells of those that had more time than it. */
  #winRace(winner: UpstreamStream, others: EarlierAttempts): void {
    if (winner !== this.#upstream) {
      this.#upstream?.abort();
      this.#follow(others.take(winner) as EarlierAttempt);
    }
    this.#earlier = null;
    others.lose(this.#attemptStartedAt);
  }

  #follow({ stream, startedAt }: EarlierAttempt): void {
    this.#state = State.connecting;
    this.#upstream = stream;
    this.peer = stream.peer;
    this.#attemptStartedAt = startedAt;
  }

  onConnected(upstream: UpstreamStream): void {
    if (this.#earlier !== null) this.#winRace(upstream, this.#earlier);
    const { slots } = this;
    this.#state = State.awaiting;
    this.isUpstreamReused = upstream.isReused;
    if (!this.#areHeadersReady) {
      this.#areHeadersReady = true;
      prepareUpstreamHeaders(this, this.peer as Peer);
    }
    if (slots.connectedToUpstream === null && slots.upstreamRequestFilter === null) {
      this.#sendRequest();
      return;
    }
    try {
      slots.connectedToUpstream?.(this, this.peer as Peer, upstream.isReused, this.ctx);
      const result = slots.upstreamRequestFilter?.(this, this.request.headers, this.ctx);
      if (result instanceof Promise) this.resume(result, () => this.#sendRequest());
      else this.#sendRequest();
    } catch (error) {
      this.fail(toProxyError(error));
    }
  }

  #sendRequest(): void {
    const upstream = this.#upstream;
    // The connection may have ended, or the client gone, while a phase was thinking.
    if (upstream === null || this.#state !== State.awaiting) return;
    const { request } = this;
    const mustReframe = this.slots.requestBodyFilter !== null && request.contentLength !== 0;
    upstream.sendHead(request, request.headers, mustReframe ? UNKNOWN_LENGTH : request.contentLength);
    if (request.contentLength === 0) {
      upstream.armTimer(this.limits.responseTimeoutMs);
      return;
    }
    this.#replay?.sendTo(upstream);
    if (this.#isRequestEnded) {
      upstream.sendEnd();
      upstream.armTimer(this.limits.responseTimeoutMs);
      return;
    }
    if (this.#replay === null && isIdempotent(request.method)) this.#replay = new ReplayBuffer();
    this.#movedAt = performance.now();
    this.#uploadRate = new UploadRate(this.#runtime.minBodyRate);
    this.#armTimer(upstream, this.limits.idleTimeoutMs);
    this.#resumeRequest();
    // What the resumed request had at hand was delivered within the call; without any the head must go out alone.
    this.#upstream?.flush();
  }

  // ---- request body ----------------------------------------------------------------------------------------------

  onRequestBody(chunk: Buffer): void {
    const upstream = this.#upstream;
    if (upstream === null || this.#state === State.done) return;
    this.requestBodyBytes += chunk.length;
    const { maxBodyBytes } = this.limits;
    if (maxBodyBytes > 0 && this.requestBodyBytes > maxBodyBytes && this.#state !== State.tunnel) {
      this.fail(bodyTooLarge(maxBodyBytes));
      return;
    }
    let out: Buffer | null = chunk;
    const { requestBodyFilter } = this.slots;
    if (requestBodyFilter !== null && this.#state !== State.tunnel) {
      out = this.#filterBody(requestBodyFilter, chunk);
    }
    if (out === null) return;
    this.#replay?.keep(out);
    if (!upstream.sendBody(out)) this.#pauseRequest();
  }

  get holdsRequestChunks(): boolean {
    return this.#upstream?.holdsChunks === true;
  }

  onRequestEnd(_trailers: HeaderList | null): void {
    if (this.#isRequestEnded) return;
    this.#isRequestEnded = true;
    const upstream = this.#upstream;
    if (upstream === null || this.#state === State.done) return;
    const { requestBodyFilter } = this.slots;
    if (requestBodyFilter !== null && this.#state !== State.tunnel) {
      const last = this.#filterBody(requestBodyFilter, null);
      if (this.hasEnded) return;
      if (last !== null) upstream.sendBody(last);
    }
    upstream.sendEnd();
    if (this.#state === State.awaiting) upstream.armTimer(this.limits.responseTimeoutMs);
  }

  onDownstreamReadComplete(): void {
    this.#upstream?.flush();
  }

  onUpstreamDrain(): void {
    if (this.#isRequestPaused && !this.#isRequestEnded) this.#resumeRequest();
  }

  #pauseRequest(): void {
    this.#isRequestPaused = true;
    this.#downstream.pauseRequest();
  }

  #resumeRequest(): void {
    this.#isRequestPaused = false;
    this.#uploadRate?.restart(performance.now(), this.requestBodyBytes);
    this.#downstream.resumeRequest();
  }

  // ---- response --------------------------------------------------------------------------------------------------

  onInformational(status: number, headers: HeaderList): void {
    if (this.#state !== State.awaiting) return;
    headers.removeMask(RESPONSE_HOP_BY_HOP);
    this.#downstream.sendInformational(status, headers);
  }

  onResponseHead(response: ResponseHead): void {
    if (this.#state !== State.awaiting) return;
    this.response = response;
    this.upstreamHeaderMs = performance.now() - this.#attemptStartedAt;
    response.headers.removeMask(RESPONSE_HOP_BY_HOP);
    this.#replay = null;
    this.#state = State.filtering;
    if (wouldOpenWebSocket(this.request, response)) {
      this.fail(new ProxyError("upstream-malformed", "upstream", "the upstream did not take the WebSocket"));
      return;
    }
    const { slots } = this;
    if (slots.upstreamResponseFilter === null && slots.responseFilter === null) {
      this.#sendResponse(response);
      return;
    }
    try {
      const result = slots.upstreamResponseFilter?.(this, response, this.ctx);
      if (result instanceof Promise) {
        this.#pauseResponse();
        this.resume(result, () => this.#filterResponse(response));
      } else this.#filterResponse(response);
    } catch (error) {
      this.fail(toProxyError(error));
    }
  }

  #filterResponse(response: ResponseHead): void {
    if (this.#state !== State.filtering) return;
    const { responseFilter } = this.slots;
    try {
      const result = responseFilter?.(this, response, this.ctx);
      if (result instanceof Promise) {
        this.#pauseResponse();
        this.resume(result, () => this.#sendResponse(response));
      } else this.#sendResponse(response);
    } catch (error) {
      this.fail(toProxyError(error));
    }
  }

  #sendResponse(response: ResponseHead): void {
    const upstream = this.#upstream;
    if (this.#state !== State.filtering || upstream === null) return;
    const { limits } = this;
    if (response.status === 101) {
      this.#state = State.tunnel;
      this.isHeadSent = true;
      this.#downstream.sendHead(response, false);
      this.#movedAt = performance.now();
      upstream.armTimer(limits.tunnelIdleTimeoutMs);
      // The request's "body" begins anew: it is the tunnel now, until the client closes its half.
      this.#isRequestEnded = false;
      this.#downstream.startTunnel();
      this.#resumeRequest();
    } else {
      this.#state = State.responding;
      if (this.slots.responseBodyFilter !== null && response.contentLength !== 0) {
        response.contentLength = UNKNOWN_LENGTH;
      }
      this.#sendHead(response);
      this.#movedAt = this.#attemptStartedAt + this.upstreamHeaderMs;
      upstream.armTimer(limits.idleTimeoutMs);
    }
    if (this.#isResponsePaused) this.#resumeResponse();
  }

  #sendHead(response: ResponseHead): void {
    completeResponseHeaders(response.headers);
    this.isHeadSent = true;
    this.#downstream.sendHead(response, response.contentLength === 0);
  }

  onResponseBody(chunk: Buffer): void {
    if (this.#state !== State.responding && this.#state !== State.tunnel) return;
    this.responseBodyBytes += chunk.length;
    let out: Buffer | null = chunk;
    const { responseBodyFilter } = this.slots;
    if (responseBodyFilter !== null && this.#state === State.responding) {
      out = this.#filterBody(responseBodyFilter, chunk);
      if (out === null) return;
    }
    if (!this.#downstream.sendBody(out)) this.#pauseResponse();
  }

  get holdsResponseChunks(): boolean {
    return this.#downstream.holdsChunks;
  }

  onResponseEnd(trailers: HeaderList | null): void {
    this.#upstream = null;
    if (this.#state !== State.responding && this.#state !== State.tunnel) return;
    const { responseBodyFilter } = this.slots;
    if (responseBodyFilter !== null && this.#state === State.responding) {
      const last = this.#filterBody(responseBodyFilter, null);
      if (this.hasEnded) return;
      if (last !== null) this.#downstream.sendBody(last);
    }
    // Counted and logged first: `sendEnd` may begin the connection's next request.
    this.#finish(null);
    this.#downstream.sendEnd(trailers);
  }

  onUpstreamReadComplete(): void {
    if (this.#state !== State.done) this.#downstream.flush();
  }

  onDownstreamDrain(): void {
    if (this.#isResponsePaused && this.#state !== State.filtering) this.#resumeResponse();
  }

  #pauseResponse(): void {
    if (this.#isResponsePaused) return;
    this.#isResponsePaused = true;
    this.#upstream?.pauseResponse();
  }

  #resumeResponse(): void {
    this.#isResponsePaused = false;
    this.#upstream?.resumeResponse();
  }

  // ---- the proxy's own answers -------------------------------------------------------------------------------------

  respond(status: number, headers: readonly string[], body: string | Buffer): void {
    if (this.isHeadSent || this.#state === State.done) throw new Error("the response has already begun");
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.#answer(new ResponseHead(status, "", 11, checkedHeaders(headers), bytes.length), bytes, null);
  }

  #answer(response: ResponseHead, body: Buffer, error: ProxyError | null): void {
    this.response = response;
    this.#dropUpstream();
    const { responseFilter } = this.slots;
    if (responseFilter === null) {
      this.#deliver(response, body, error);
      return;
    }
    this.#state = State.filtering;
    try {
      const result = responseFilter(this, response, this.ctx);
      // A filter that fails on our own answer must not keep the client from getting one.
      if (result instanceof Promise) {
        const deliver = (): void => this.#deliver(response, body, error);
        result.then(deliver, deliver);
      } else this.#deliver(response, body, error);
    } catch {
      this.#deliver(response, body, error);
    }
  }

  #deliver(response: ResponseHead, body: Buffer, error: ProxyError | null): void {
    if (this.#state === State.done) return;
    this.#sendHead(response);
    if (this.request.method !== "HEAD") this.responseBodyBytes += body.length;
    this.#downstream.sendBody(body);
    this.#finish(error);
    this.#downstream.sendEnd(null);
  }

  // ---- failures ----------------------------------------------------------------------------------------------------

  onUpstreamError(error: ProxyError, stream: UpstreamStream): void {
    if (stream !== this.#upstream) {
      this.#earlier?.fail(stream, error);
      return;
    }
    this.#upstream = null;
    if (this.#state === State.done) return;
    const { slots } = this;
    const peer = this.peer as Peer;
    try {
      if (this.#state === State.connecting) {
        const isPassedOver = slots.failToConnect?.(this, peer, this.ctx, error) === true;
        if (isPassedOver && this.#passedOver < MAX_PASSED_OVER) this.#passedOver++;
      } else slots.errorWhileProxy?.(this, peer, this.ctx, error);
    } catch (replacement) {
      this.#failAttempt(toProxyError(replacement));
      return;
    }
    if (this.#mayRetry(error)) this.attempt();
    else this.#failAttempt(error);
  }

  /** No further attempt can begin; the request has failed unless an earlier one may still have its connection. */
  #failAttempt(error: ProxyError): void {
    const earlier = this.#earlier?.takeLast() ?? null;
    if (earlier === null) this.fail(error);
    else this.#follow(earlier);
  }

  #hasAttemptLeft(): boolean {
    return this.attempts - this.#passedOver < this.limits.maxAttempts;
  }

  #mayRetry(error: ProxyError): boolean {
    if (this.isHeadSent || !this.#hasAttemptLeft()) return false;
    if (this.#state !== State.connecting && this.#state !== State.awaiting) return false;
    const isReplayable = this.requestBodyBytes === 0 || this.#replay?.isWhole === true;
    return isReplayable && isRetrySafe(error.retry, this.request);
  }

  onUpstreamTimer(): void {
    const upstream = this.#upstream;
    if (upstream === null || this.#state === State.done) return;
    const now = performance.now();
    const idleMs = this.#state === State.tunnel ? this.limits.tunnelIdleTimeoutMs : this.limits.idleTimeoutMs;
    const bytes = this.requestBodyBytes + this.responseBodyBytes;
    if (bytes !== this.#bytesAtLastCheck) {
      this.#bytesAtLastCheck = bytes;
      this.#movedAt = now;
    }
    const error = judgeSilence({
      isAwaitingHead: this.#state === State.awaiting,
      isFiltering: this.#state === State.filtering,
      isRequestEnded: this.#isRequestEnded,
      isRequestPaused: this.#isRequestPaused,
      isResponsePaused: this.#isResponsePaused,
      isIdle: now - this.#movedAt >= idleMs,
      isUploadTooSlow: this.#uploadRate?.isTooSlow(now, this.requestBodyBytes) === true,
    });
    if (error === null) this.#armTimer(upstream, idleMs - (now - this.#movedAt));
    else this.fail(error);
  }

  /** @param delayMs until a silence is too long; uploads are looked at more often. */
  #armTimer(upstream: UpstreamStream, delayMs: number): void {
    const isUploading = this.#state === State.awaiting && !this.#isRequestEnded;
    upstream.armTimer(Math.max(isUploading ? Math.min(delayMs, RATE_PERIOD_MS) : delayMs, 1));
  }

  onRequestFailed(error: ProxyError): void {
    if (this.#state !== State.done) this.fail(error);
  }

  onDownstreamClose(error: ProxyError): void {
    if (this.#state === State.done) return;
    this.#dropUpstream();
    this.#finish(error);
  }

  fail(error: ProxyError): void {
    if (this.#state === State.done) return;
    this.#dropUpstream();
    if (this.isHeadSent) {
      this.#finish(error);
      this.#downstream.abort(error);
      return;
    }
    let status = statusOfError(error.type);
    try {
      status = this.slots.failToProxy?.(this, this.ctx, error) ?? status;
    } catch {
      // The default stands.
    }
    if (this.isHeadSent) return;
    if (status === 0 || status === 499) {
      this.#finish(error);
      this.#downstream.abort(error);
      return;
    }
    const { head, body } = renderError(this.request, status, error.type, this.requestId);
    this.#answer(head, body, error);
  }

  #dropUpstream(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    upstream?.abort();
    this.#earlier?.abort();
    this.#earlier = null;
  }

  #finish(error: ProxyError | null): void {
    this.#state = State.done;
    this.#replay = null;
    const { logging } = this.slots;
    if (logging === null) return;
    try {
      logging(this, this.ctx, error);
    } catch (thrown) {
      process.emitWarning(`the logging phase failed: ${String(thrown)}`);
    }
  }

  get hasEnded(): boolean {
    return this.#state === State.done;
  }

  /** What a filter makes of a part of a body, null for its end; null also where it threw, which ends the exchange. */
  #filterBody(filter: BodyFilter<Ctx>, chunk: Buffer | null): Buffer | null {
    try {
      // A filter may keep what it gets; the connection reads its next bytes into the same memory.
      return filter(this, chunk === null ? null : Buffer.from(chunk), chunk === null, this.ctx);
    } catch (error) {
      this.fail(toProxyError(error));
      return null;
    }
  }

  /** Goes on after an asynchronous phase. */
  resume<T>(promise: Promise<T>, next: (value: T) => void): void {
    promise.then(
      (value) => {
        if (this.#state !== State.done) next(value);
      },
      (error: unknown) => {
        this.fail(toProxyError(error));
      },
    );
  }
}
