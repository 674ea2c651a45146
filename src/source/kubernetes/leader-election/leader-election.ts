// Elects one leader among replicas by a Lease: who may write status and events. Safe however far clocks are apart, as long
// as they run at about the same speed: a replica stops leading before any other could begin, and may lead again later.
import type { NamespacedName } from "../../../ir/names.ts";
import type { Clock, ClockTimer } from "../../../lib/clock.ts";
import { ApiUnreachable } from "../client/api-client.ts";
import type { ApiClient } from "../client/api-client.ts";
import { formatMicroTime } from "../micro-time.ts";
import type { Instant, Leadership } from "./leader-term.ts";
import { LeaderTerm } from "./leader-term.ts";
import type { LeaseRecord, StoredLease } from "./lease-record.ts";
import type { LeaseAnswer, RequestLimits } from "./lease-requests.ts";
import { LeaseRequests } from "./lease-requests.ts";

/** Milliseconds; `retryPeriodMs` < `renewDeadlineMs` < `leaseDurationMs`. */
export interface LeaderElectionTiming {
  /** So long others leave a Lease alone that they have not seen renewed. Whole seconds. */
  readonly leaseDurationMs: number;
  /** So long after its last renewal a leader stops. */
  readonly renewDeadlineMs: number;
  /** Between two renewals; between two looks at somebody else's Lease it is up to 2.2 times as long. */
  readonly retryPeriodMs: number;
}

/** The values of Kubernetes' own components. */
const DEFAULT_ELECTION_TIMING: LeaderElectionTiming = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

export interface LeaderElectionOptions {
  readonly client: ApiClient;
  readonly lease: NamespacedName;
  /** Unique to this process: the name of the pod and something random, as a container may start anew in the same pod. */
  readonly identity: string;
  readonly clock: Clock;
  /** Milliseconds since the epoch; `Date.now`. */
  readonly wallTimeMs: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly timing?: LeaderElectionTiming;
  /** Called with the new term, or with null when it has ended; `holder` is who leads as far as we know, or `""`. */
  readonly onChange: (leadership: Leadership | null, holder: string) => void;
  /** Called when taking part in the election begins to fail, fails in another way, or works again (null). */
  readonly onProblem: (message: string | null) => void;
}

/** The longest `Retry-After` that is obeyed. */
const MAX_RETRY_AFTER_MS = 60_000;
/** Another's Lease that claims to last longer is not believed: it would never be taken over. */
const MAX_LEASE_DURATION_MS = 300_000;
const JITTER_FACTOR = 1.2;

export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #timing: LeaderElectionTiming;
  readonly #requests: LeaseRequests;
  readonly #stopping = new AbortController();
  /** The Lease as we last saw it, and when its record last became another, on our own clock. */
  #known: StoredLease | null = null;
  #observedAt = 0;
  #term: LeaderTerm | null = null;
  #expiry: ClockTimer | null = null;
  #problem: string | null = null;
  #toldHolder = "";
  #loop: Promise<void> | null = null;
  #wake: (() => void) | null = null;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#timing = options.timing ?? DEFAULT_ELECTION_TIMING;
    this.#requests = new LeaseRequests(options.client, options.lease);
  }

  /** The term that holds now, by the clocks; null where we do not lead. */
  get leadership(): Leadership | null {
    return this.#term !== null && this.#term.remainingMs() > 0 ? this.#term : null;
  }

  get isLeader(): boolean {
    return this.leadership !== null;
  }

  /** Who leads as far as we know; `""` for nobody. */
  get holder(): string {
    return this.#known?.record.holder ?? "";
  }

  /** Takes part until stopped; a second call does nothing. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends the term and gives the Lease back, so that the next leader need not wait; never rejects. Stop writers first. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    const wasLeading = this.#term !== null;
    this.#endTerm();
    await this.#loop;
    if (wasLeading) await this.#release();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const askedMs = await this.#attempt();
      if (this.#stopping.signal.aborted) return;
      await this.#sleep(this.#delayMs(askedMs));
    }
  }

  #delayMs(askedMs: number): number {
    const { retryPeriodMs } = this.#timing;
    if (this.#term !== null) return retryPeriodMs;
    return Math.max(
      Math.min(askedMs, MAX_RETRY_AFTER_MS),
      retryPeriodMs * (1 + this.#options.random() * JITTER_FACTOR),
    );
  }

  /** One try to get or to keep the Lease. @returns how long the server asked us to wait, in milliseconds. */
  async #attempt(): Promise<number> {
    const limits = this.#limits();
    try {
      const answer = await this.#acquireOrRenew(limits);
      if (answer?.outcome === "refused") {
        this.#tellProblem(answer.message);
        return answer.retryAfterMs ?? 0;
      }
      // A conflict means that somebody else takes part; that is no problem, and the next look tells more.
      this.#tellProblem(null);
    } catch (error) {
      // Whatever it is, the election goes on: serving must not end for it.
      if (!this.#stopping.signal.aborted) {
        this.#tellProblem(`cannot take part in the election: ${(error as Error).message}`);
      }
    }
    return 0;
  }

  async #acquireOrRenew(limits: RequestLimits): Promise<LeaseAnswer | null> {
    if (this.#term !== null && this.#known !== null) {
      const renewed = await this.#write(this.#known, limits);
      // On a conflict somebody touched the Lease: look whether it is still ours.
      if (renewed.outcome !== "conflict" && renewed.outcome !== "missing") return renewed;
    }
    const answer = await this.#requests.read(limits);
    if (answer.outcome === "missing") return this.#write(null, limits);
    if (answer.outcome !== "lease") return answer;
    this.#observe(answer.lease);
    if (this.#isHeldByOther(answer.lease.record)) {
      this.#endTerm();
      this.#tellHolder();
      return null;
    }
    return this.#write(answer.lease, limits);
  }

  /** Puts our name and the time into the Lease. */
  async #write(known: StoredLease | null, limits: RequestLimits): Promise<LeaseAnswer> {
    const sentAt: Instant = { monotonicMs: this.#options.clock.now(), wallMs: this.#options.wallTimeMs() };
    const record = this.#recordAfter(known?.record ?? null, sentAt.wallMs);
    const answer =
      known === null ? await this.#requests.create(record, limits) : await this.#requests.update(known, record, limits);
    if (answer.outcome !== "lease") return answer;
    this.#observe(answer.lease);
    if (!this.#stopping.signal.aborted) this.#hold(sentAt);
    return answer;
  }

  #recordAfter(before: LeaseRecord | null, wallMs: number): LeaseRecord {
    const now = formatMicroTime(wallMs);
    const isOurs = before?.holder === this.#options.identity;
    return {
      holder: this.#options.identity,
      durationSeconds: Math.ceil(this.#timing.leaseDurationMs / 1_000),
      transitions: (before?.transitions ?? 0) + (isOurs || before === null ? 0 : 1),
      acquireTime: isOurs ? before.acquireTime || now : now,
      renewTime: now,
    };
  }

  #observe(lease: StoredLease): void {
    const isNews = this.#known === null || !isSameRecord(this.#known.record, lease.record);
    this.#known = lease;
    if (isNews) this.#observedAt = this.#options.clock.now();
  }

  #isHeldByOther({ holder, durationSeconds }: LeaseRecord): boolean {
    if (holder === "" || holder === this.#options.identity) return false;
    const claimedMs = Math.min(durationSeconds * 1_000, MAX_LEASE_DURATION_MS);
    const durationMs = claimedMs === 0 ? this.#timing.leaseDurationMs : claimedMs;
    return this.#options.clock.now() < this.#observedAt + durationMs;
  }

  #hold(sentAt: Instant): void {
    const { renewDeadlineMs } = this.#timing;
    const isNew = this.#term === null;
    const term = this.#term ?? new LeaderTerm(this.#options, renewDeadlineMs, sentAt);
    term.renew(sentAt);
    // An answer that came too late gives nothing: the Lease is ours, and the next attempt renews it.
    if (term.remainingMs() === 0) return this.#endTerm();
    this.#term = term;
    this.#expiry?.cancel();
    this.#expiry = this.#options.clock.setTimer(() => this.#endTerm(), term.remainingMs());
    if (isNew) this.#tellHolder(true);
  }

  #endTerm(): void {
    this.#expiry?.cancel();
    this.#expiry = null;
    const term = this.#term;
    if (term === null) return;
    this.#term = null;
    term.end();
    this.#tellHolder(true);
  }

  /** In the term, time for a second try must be left when a first one gets no answer. */
  #limits(): RequestLimits {
    const { renewDeadlineMs } = this.#timing;
    const term = this.#term;
    const signals = term === null ? [this.#stopping.signal] : [this.#stopping.signal, term.signal];
    return { timeoutMs: Math.ceil(renewDeadlineMs / 2), signal: AbortSignal.any(signals) };
  }

  async #release(): Promise<void> {
    const { renewDeadlineMs } = this.#timing;
    const limits = { timeoutMs: Math.ceil(renewDeadlineMs / 4), signal: new AbortController().signal };
    try {
      // A renewal that was on its way may have changed the version.
      const current = await this.#requests.read(limits);
      if (current.outcome !== "lease" || current.lease.record.holder !== this.#options.identity) return;
      const now = formatMicroTime(this.#options.wallTimeMs());
      const record = { ...current.lease.record, holder: "", durationSeconds: 1, renewTime: now, acquireTime: now };
      await this.#requests.update(current.lease, record, limits);
    } catch (error) {
      // Then it runs out by itself.
      if (!(error instanceof ApiUnreachable)) throw error;
    }
  }

  #tellProblem(message: string | null): void {
    if (message === this.#problem) return;
    this.#problem = message;
    this.#options.onProblem(message);
  }

  #tellHolder(hasTermChanged = false): void {
    const holder = this.holder;
    if (!hasTermChanged && holder === this.#toldHolder) return;
    this.#toldHolder = holder;
    this.#options.onChange(this.#term, holder);
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(() => wake(), delayMs);
      const wake = (): void => {
        timer.cancel();
        this.#wake = null;
        resolve();
      };
      this.#wake = wake;
    });
  }
}

function isSameRecord(one: LeaseRecord, other: LeaseRecord): boolean {
  return (
    one.holder === other.holder &&
    one.renewTime === other.renewTime &&
    one.acquireTime === other.acquireTime &&
    one.transitions === other.transitions &&
    one.durationSeconds === other.durationSeconds
  );
}
