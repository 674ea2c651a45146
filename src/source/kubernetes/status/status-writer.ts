// Keeps the addresses in the status of our Ingresses right, while this replica leads. Level-triggered: it compares what the
// store says with what is wanted, and writes the difference. Never touches an Ingress that it was not handed.
import type { Diagnostic } from "../../../ir/diagnostic.ts";
import type { NamespacedName } from "../../../ir/names.ts";
import { formatName } from "../../../ir/names.ts";
import type { BackOffTiming } from "../../../lib/back-off.ts";
import { backOffDelay } from "../../../lib/back-off.ts";
import type { Clock, ClockTimer } from "../../../lib/clock.ts";
import type { TokenBucketRate } from "../../../lib/token-bucket.ts";
import { TokenBucket } from "../../../lib/token-bucket.ts";
import type { ObjectStore } from "../../object-store.ts";
import type { Ingress } from "../../object-types.ts";
import type { ApiClient } from "../client/api-client.ts";
import { ApiUnreachable } from "../client/api-client.ts";
import type { Leadership } from "../leader-election/leader-term.ts";
import { fenceClient, NotLeading } from "../leader-election/leader-term.ts";
import { WritePause } from "../write-pause.ts";
import type { AddressOrigin, AddressReading } from "./address-book.ts";
import { AddressBook } from "./address-book.ts";
import type { PublishedAddress } from "./load-balancer-addresses.ts";
import type { StatusWish } from "./status-plan.ts";
import { planStatus } from "./status-plan.ts";
import type { WriteOutcome } from "./status-request.ts";
import { writeStatus } from "./status-request.ts";

export interface StatusTiming {
  /** Changes within so long are looked at together; milliseconds. */
  readonly batchDelayMs: number;
  /** After so long the addresses are read again where the store does not hold them; milliseconds. */
  readonly refreshMs: number;
  /** After a conflict or a refusal of one Ingress. */
  readonly retry: BackOffTiming;
  /** After what all writes would meet: no API server, one that is overloaded, or RBAC that does not allow them. */
  readonly pause: BackOffTiming;
  readonly rate: TokenBucketRate;
  readonly maxParallel: number;
  /** For clearing when the controller stops; milliseconds. */
  readonly clearDeadlineMs: number;
}

const DEFAULT_STATUS_TIMING: StatusTiming = {
  batchDelayMs: 200,
  refreshMs: 60_000,
  retry: { firstDelayMs: 500, maxDelayMs: 60_000 },
  pause: { firstDelayMs: 1_000, maxDelayMs: 60_000 },
  rate: { perSecond: 100, burst: 100 },
  maxParallel: 8,
  clearDeadlineMs: 5_000,
};

/** What the writer tells of itself. */
export interface StatusObserver {
  /** One request has ended. */
  onWrite(outcome: WriteOutcome["type"]): void;
  /** All that keeps the status from being right now, in the place of what was said before; `[]` when all is well. */
  onDiagnostics(diagnostics: readonly Diagnostic[]): void;
}

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly store: ObjectStore;
  readonly origin: AddressOrigin;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly observer: StatusObserver;
  readonly timing?: StatusTiming;
}

interface Retry {
  readonly failures: number;
  readonly notBefore: number;
}

/** Why an Ingress needs nothing: neither it nor what is wanted has changed since it was looked at. */
interface Settled {
  readonly ingress: Ingress;
  readonly wanted: unknown;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #timing: StatusTiming;
  readonly #client: ApiClient;
  readonly #book: AddressBook;
  readonly #bucket: TokenBucket;
  readonly #unsubscribe: () => void;
  #leadership: Leadership | null = null;
  #isStopped = false;

  /** The newest word on which Ingresses are ours; taken in when it is looked at, as it may come many times a second. */
  #latest: readonly NamespacedName[] = [];
  #adopted: readonly NamespacedName[] = this.#latest;
  #ours = new Map<string, NamespacedName>();
  /** What we know to have put into the status of each, to take just that away again. */
  readonly #written = new Map<string, readonly PublishedAddress[]>();
  readonly #departed = new Map<string, NamespacedName>();
  #reading: AddressReading = { addresses: null, diagnostic: null };
  #hints: readonly unknown[] | null = null;

  /** Names whose status is wrong, in the order in which that was found; the newest wish counts when their turn comes. */
  readonly #queue = new Map<string, NamespacedName>();
  readonly #settled = new Map<string, Settled>();
  readonly #retries = new Map<string, Retry>();
  /** Written by us, and the store has not seen it yet: the Ingress that the write was based on. */
  readonly #echoes = new Map<string, Ingress>();
  readonly #inFlight = new Set<string>();
  readonly #pause: WritePause;
  #refusal: Diagnostic | null = null;
  #timer: { readonly at: number; readonly handle: ClockTimer } | null = null;
  #refreshAt = 0;
  #isReading = false;
  #isDirty = false;
  #whenIdle: (() => void) | null = null;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#timing = options.timing ?? DEFAULT_STATUS_TIMING;
    this.#client = fenceClient(options.client, () => this.#leadership);
    this.#book = new AddressBook(options.origin, options.store, this.#client);
    this.#bucket = new TokenBucket(options.clock, this.#timing.rate);
    this.#pause = new WritePause(options.clock, options.random, this.#timing.pause);
    this.#unsubscribe = options.store.subscribe(({ kinds }) => {
      if (kinds.has("Ingress") || kinds.has("Service") || kinds.has("EndpointSlice")) this.#lookSoon();
    });
  }

  /** The Ingresses that every worker serves now. Those that were there before and are not any more lose what we wrote. */
  update(ingresses: readonly NamespacedName[]): void {
    this.#latest = ingresses;
    this.#lookSoon();
  }

  /** Begins to write, or with null ends it: from then on nothing is sent. */
  lead(leadership: Leadership | null): void {
    this.#leadership = leadership;
    this.#timer?.handle.cancel();
    this.#timer = null;
    // What is ours in a status is learned anew: another leader takes care of what it wrote itself.
    for (const held of [this.#queue, this.#retries, this.#departed, this.#settled, this.#echoes, this.#written]) {
      held.clear();
    }
    this.#pause.reset();
    this.#hints = null;
    this.#refusal = null;
    this.#options.observer.onDiagnostics([]);
    this.#lookSoon();
  }

  /**
   * Ends all writing; never rejects. Call it while this replica still leads.
   * @param shouldClear takes our addresses out of every Ingress first, as far as that succeeds within the deadline.
   */
  async stop(shouldClear: boolean): Promise<void> {
    this.#unsubscribe();
    if (shouldClear && this.#leadership !== null && !this.#isStopped) await this.#clear();
    this.#isStopped = true;
    this.#timer?.handle.cancel();
    this.#queue.clear();
  }

  async #clear(): Promise<void> {
    this.#latest = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenIdle = resolve;
    const deadline = this.#options.clock.setTimer(resolve, this.#timing.clearDeadlineMs);
    this.#scan();
    await promise;
    deadline.cancel();
  }

  #lookSoon(): void {
    this.#isDirty = true;
    this.#wakeIn(this.#timing.batchDelayMs);
  }

  /** One timer for everything that waits: the earliest counts. */
  #wakeIn(delayMs: number): void {
    if (this.#leadership === null || this.#isStopped) return;
    const at = this.#options.clock.now() + delayMs;
    if (this.#timer !== null && this.#timer.at <= at) return;
    this.#timer?.handle.cancel();
    const handle = this.#options.clock.setTimer(() => {
      this.#timer = null;
      this.#wake();
    }, delayMs);
    this.#timer = { at, handle };
  }

  #wake(): void {
    if (this.#leadership === null || this.#isStopped) return;
    const now = this.#options.clock.now();
    const hints = this.#book.hints();
    const isNews = this.#hints?.length !== hints.length || hints.some((hint, at) => hint !== this.#hints?.[at]);
    if ((isNews || now >= this.#refreshAt) && now >= this.#pause.until) {
      this.#hints = hints;
      void this.#readAddresses();
    }
    this.#scan();
    const nextAt = Math.max(this.#pause.until, isNews ? 0 : this.#refreshAt);
    if (nextAt > now) this.#wakeIn(nextAt - now);
  }

  async #readAddresses(): Promise<void> {
    if (this.#isReading) {
      this.#hints = null;
      return;
    }
    this.#isReading = true;
    this.#refreshAt = this.#options.clock.now() + this.#timing.refreshMs;
    try {
      const reading = await this.#book.read();
      const isSame = JSON.stringify(reading.addresses) === JSON.stringify(this.#reading.addresses);
      this.#reading = isSame ? { ...reading, addresses: this.#reading.addresses } : reading;
      this.#pause.succeeded();
      this.#tellDiagnostics();
    } catch (error) {
      if (!(error instanceof ApiUnreachable) && !(error instanceof NotLeading)) throw error;
      this.#hints = null;
      this.#pause.begin(null);
    } finally {
      this.#isReading = false;
    }
    this.#lookSoon();
  }

  /** Queues every Ingress whose status is not as wanted, and gets to work. */
  #scan(): void {
    this.#isDirty = false;
    this.#adoptLatest();
    for (const [key, name] of this.#ours) this.#consider(key, name);
    for (const [key, name] of this.#departed) this.#consider(key, name);
    this.#pump();
  }

  /** Ingresses that were ours and are not any more will lose what we wrote. */
  #adoptLatest(): void {
    if (this.#adopted === this.#latest) return;
    this.#adopted = this.#latest;
    const before = this.#ours;
    this.#ours = new Map(this.#latest.map((name) => [formatName(name), name]));
    for (const [key, name] of before) {
      if (this.#ours.has(key)) continue;
      this.#settled.delete(key);
      if (this.#written.has(key)) this.#departed.set(key, name);
    }
    for (const key of this.#ours.keys()) this.#departed.delete(key);
  }

  #consider(key: string, name: NamespacedName): void {
    const ingress = this.#options.store.get({ kind: "Ingress", ...name });
    const wish = this.#wishOf(key);
    const settled = this.#settled.get(key);
    if (ingress !== null && settled?.ingress === ingress && settled.wanted === wish?.addresses) return;
    if (ingress === null || wish === null) {
      this.#forget(key, ingress === null);
      return;
    }
    if (this.#echoes.get(key) === ingress) return;
    this.#echoes.delete(key);
    if (planStatus(ingress, wish) !== null) {
      this.#queue.set(key, name);
      return;
    }
    this.#settle(key, ingress, wish);
  }

  #wishOf(key: string): StatusWish | null {
    const { addresses } = this.#reading;
    if (this.#ours.has(key)) return addresses === null ? null : { type: "publish", addresses };
    const written = this.#written.get(key);
    return written === undefined || !this.#departed.has(key) ? null : { type: "withdraw", addresses: written };
  }

  #settle(key: string, ingress: Ingress, wish: StatusWish): void {
    this.#queue.delete(key);
    this.#retries.delete(key);
    if (wish.type === "withdraw") {
      this.#departed.delete(key);
      this.#written.delete(key);
      return;
    }
    // Found so or written so: either way these are the addresses that are ours.
    this.#written.set(key, wish.addresses);
    this.#settled.set(key, { ingress, wanted: wish.addresses });
  }

  #forget(key: string, isGone: boolean): void {
    this.#queue.delete(key);
    this.#retries.delete(key);
    this.#settled.delete(key);
    this.#echoes.delete(key);
    if (!isGone) return;
    this.#departed.delete(key);
    this.#written.delete(key);
  }

  #pump(): void {
    const now = this.#options.clock.now();
    let nextMs = Infinity;
    for (const [key, name] of this.#queue) {
      if (this.#inFlight.size >= this.#timing.maxParallel) break;
      const notBefore = Math.max(this.#pause.until, this.#retries.get(key)?.notBefore ?? 0);
      if (this.#inFlight.has(key) || notBefore > now) {
        if (notBefore > now) nextMs = Math.min(nextMs, notBefore - now);
        if (this.#pause.until > now) break;
        continue;
      }
      const waitMs = this.#bucket.take();
      if (waitMs > 0) {
        nextMs = Math.min(nextMs, waitMs);
        break;
      }
      this.#queue.delete(key);
      void this.#write(key, name);
    }
    if (nextMs !== Infinity) this.#wakeIn(Math.max(1, Math.ceil(nextMs)));
    if (this.#queue.size === 0 && this.#inFlight.size === 0 && !this.#isDirty) this.#whenIdle?.();
  }

  async #write(key: string, name: NamespacedName): Promise<void> {
    const ingress = this.#options.store.get({ kind: "Ingress", ...name });
    const wish = this.#wishOf(key);
    const list = ingress === null || wish === null ? null : planStatus(ingress, wish);
    if (ingress === null || wish === null || list === null) return this.#pump();
    this.#inFlight.add(key);
    const outcome = await writeStatus(this.#client, ingress, list);
    this.#inFlight.delete(key);
    if (this.#isStopped) return;
    this.#options.observer.onWrite(outcome.type);
    this.#conclude(key, { name, ingress, wish, outcome });
    this.#lookSoon();
    this.#pump();
  }

  #conclude(
    key: string,
    {
      name,
      ingress,
      wish,
      outcome,
    }: { name: NamespacedName; ingress: Ingress; wish: StatusWish; outcome: WriteOutcome },
  ): void {
    switch (outcome.type) {
      case "written":
        this.#pause.succeeded();
        this.#setRefusal(null);
        this.#settle(key, ingress, wish);
        this.#settled.delete(key);
        this.#echoes.set(key, ingress);
        return;
      case "gone":
        this.#forget(key, true);
        return;
      case "not-leading":
        return;
      case "conflict":
      case "refused": {
        if (outcome.type === "refused") this.#setRefusal(outcome.diagnostic);
        // The store learns of the newer version by itself; until then the same write would fail again.
        const failures = (this.#retries.get(key)?.failures ?? 0) + 1;
        const delayMs = backOffDelay(failures, this.#timing.retry, this.#options.random());
        this.#retries.set(key, { failures, notBefore: this.#options.clock.now() + delayMs });
        this.#queue.set(key, name);
        return;
      }
      case "forbidden":
        this.#setRefusal(outcome.diagnostic);
        this.#queue.set(key, name);
        this.#pause.begin(this.#timing.pause.maxDelayMs);
        return;
      case "unavailable":
        this.#queue.set(key, name);
        this.#pause.begin(outcome.retryAfterMs);
    }
  }

  #setRefusal(diagnostic: Diagnostic | null): void {
    if (this.#refusal?.message === diagnostic?.message) return;
    this.#refusal = diagnostic;
    this.#tellDiagnostics();
  }

  #tellDiagnostics(): void {
    const diagnostics = [this.#reading.diagnostic, this.#refusal].filter((entry) => entry !== null);
    this.#options.observer.onDiagnostics(diagnostics);
  }
}
