// The time for which we may act as the leader, and a client that asks before every request. An ex-leader writes nothing.
import type { Clock } from "../../../lib/clock.ts";
import type { ApiAnswer, ApiClient, ApiRequest, ApiStream } from "../client/api-client.ts";

/** What anything that only a leader may do asks before it does it. */
export interface Leadership {
  /** Aborted as soon as the term is known to have ended. */
  readonly signal: AbortSignal;
  /**
   * Milliseconds for which nobody else can lead; 0 when that has ended. Asks clocks, not timers: it is right after
   * the process was stopped for a while, when no timer has fired yet.
   */
  remainingMs(): number;
}

/** A request that only a leader may send, when we are not. */
export class NotLeading extends Error {
  override readonly name = "NotLeading";

  constructor() {
    super("this replica does not lead any more");
  }
}

/** When something was done, on both clocks. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** A term of office, from one acquisition to its end. */
export class LeaderTerm implements Leadership {
  readonly #clock: Clock;
  readonly #wallTimeMs: () => number;
  readonly #renewDeadlineMs: number;
  readonly #ended = new AbortController();
  #renewedAt: Instant;

  constructor(clocks: { clock: Clock; wallTimeMs: () => number }, renewDeadlineMs: number, renewedAt: Instant) {
    this.#clock = clocks.clock;
    this.#wallTimeMs = clocks.wallTimeMs;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#renewedAt = renewedAt;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  remainingMs(): number {
    if (this.#ended.signal.aborted) return 0;
    // The monotonic clock stands still while a machine is suspended, the wall clock may be set: the later one counts.
    const elapsedMs = Math.max(
      this.#clock.now() - this.#renewedAt.monotonicMs,
      this.#wallTimeMs() - this.#renewedAt.wallMs,
    );
    return Math.max(0, this.#renewDeadlineMs - elapsedMs);
  }

  /** @param sentAt before the renewal was sent: whoever waits for us to vanish cannot have begun to count earlier. */
  renew(sentAt: Instant): void {
    this.#renewedAt = sentAt;
  }

  end(): void {
    this.#ended.abort(new NotLeading());
  }
}

/** Leads from now on and for ever: for a single replica that takes no part in an election. */
export function permanentLeadership(): Leadership {
  return { signal: new AbortController().signal, remainingMs: () => Infinity };
}

/**
 * A client whose requests end with the term: none begins after it, and one that is on its way is aborted and, if it arrives
 * all the same, meets the resourceVersion of whoever came next. Watches are read-only and pass.
 * @param current the term that holds now, or null.
 */
export function fenceClient(client: ApiClient, current: () => Leadership | null): ApiClient {
  return {
    send(request: ApiRequest): Promise<ApiAnswer> {
      const leadership = current();
      const remainingMs = leadership?.remainingMs() ?? 0;
      if (leadership === null || remainingMs <= 0) return Promise.reject(new NotLeading());
      const { signal, timeoutMs = Infinity } = request;
      const limitMs = Math.min(timeoutMs, Math.ceil(remainingMs));
      return client.send({
        ...request,
        signal: signal === undefined ? leadership.signal : AbortSignal.any([signal, leadership.signal]),
        ...(Number.isFinite(limitMs) && { timeoutMs: limitMs }),
      });
    },
    watch: (request: ApiRequest): Promise<ApiStream | ApiAnswer> => client.watch(request),
  };
}
