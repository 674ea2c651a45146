// Reads single Secrets that something has begun to refer to, since the watch passed them over before. Keeps none. Namespaces
// take turns and the rate is bounded, so that whoever refers to many delays neither others nor the API server.
import type { Clock, ClockTimer } from "../../lib/clock.ts";
import { FairQueue } from "../../lib/fair-queue.ts";
import type { TokenBucketRate } from "../../lib/token-bucket.ts";
import { TokenBucket } from "../../lib/token-bucket.ts";
import type { ApiClient } from "./client/api-client.ts";
import type { ApiObject } from "./reflector/api-object.ts";
import { adoptObject } from "./reflector/api-object.ts";
import { refusalOf } from "./client/refusal.ts";
import { objectPath } from "./resource.ts";
import type { RetryTiming } from "./reflector/retry-delay.ts";
import { RetryDelay } from "./reflector/retry-delay.ts";
import { SECRETS } from "./resources.ts";

export interface SecretReaderOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timing: RetryTiming & { readonly readTimeoutMs: number };
  /** Of requests, for all Secrets together. */
  readonly rate?: TokenBucketRate;
  readonly found: (object: ApiObject) => void;
  /** There is none of this name now; the watch will tell when there is. */
  readonly missing: (key: string) => void;
  readonly forbidden: (key: string, message: string) => void;
  /** A request begins, and is over once its answer is taken in. */
  readonly asking: (key: string) => void;
  readonly asked: (key: string) => void;
  /** A first attempt begins, whose outcome is worth waiting for: it will not be long. */
  readonly began: () => void;
  /** Such an attempt is over, whatever came of it. */
  readonly ended: () => void;
}

const MAX_PARALLEL = 8;
const DEFAULT_RATE: TokenBucketRate = { perSecond: 50, burst: 200 };
/** Behind so many others of its namespace, nobody waits for a Secret. */
const MAX_AWAITED = 50;

interface WantedSecret {
  readonly key: string;
  readonly namespace: string;
  readonly retry: RetryDelay;
  timer: ClockTimer | null;
  isFirst: boolean;
  readonly isAwaited: boolean;
}

export class SecretReader {
  readonly #options: SecretReaderOptions;
  readonly #wanted = new Map<string, WantedSecret>();
  readonly #queue = new FairQueue<WantedSecret>();
  readonly #bucket: TokenBucket;
  #tokenTimer: ClockTimer | null = null;
  readonly #closing = new AbortController();
  #reading = 0;
  #firstAttempts = 0;
  #settling: PromiseWithResolvers<void> | null = null;

  constructor(options: SecretReaderOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.clock, options.rate ?? DEFAULT_RATE);
  }

  /** Reads the Secret `namespace/name` as soon as it can, and tries until there is an answer. */
  want(key: string): void {
    if (this.#wanted.has(key) || this.#closing.signal.aborted) return;
    const { timing, random } = this.#options;
    const namespace = key.slice(0, key.indexOf("/"));
    const isAwaited = this.#queue.sizeOf(namespace) < MAX_AWAITED;
    const wanted = { key, namespace, retry: new RetryDelay(timing, random), timer: null, isFirst: true, isAwaited };
    this.#wanted.set(key, wanted);
    this.#firstAttempts += 1;
    if (isAwaited) this.#options.began();
    this.#enqueue(wanted);
  }

  /** Nobody needs the answer any more. */
  unwant(key: string): void {
    const wanted = this.#wanted.get(key);
    if (wanted === undefined) return;
    this.#wanted.delete(key);
    this.#queue.delete(wanted.namespace, wanted);
    wanted.timer?.cancel();
    this.#endFirst(wanted);
  }

  /** Resolves when every Secret that is wanted was asked for once. */
  settled(): Promise<void> {
    if (this.#firstAttempts === 0) return Promise.resolve();
    this.#settling ??= Promise.withResolvers();
    return this.#settling.promise;
  }

  close(): void {
    this.#closing.abort();
    this.#tokenTimer?.cancel();
    this.#tokenTimer = null;
    for (const key of this.#wanted.keys()) this.unwant(key);
  }

  #enqueue(wanted: WantedSecret): void {
    this.#queue.add(wanted.namespace, wanted);
    this.#pump();
  }

  #pump(): void {
    while (this.#reading < MAX_PARALLEL && this.#tokenTimer === null) {
      const wanted = this.#queue.first();
      if (wanted === null) return;
      const waitMs = this.#bucket.take();
      if (waitMs > 0) return this.#pumpIn(waitMs);
      this.#queue.serve(wanted.namespace, wanted);
      this.#reading += 1;
      this.#options.asking(wanted.key);
      void this.#read(wanted).finally(() => {
        this.#options.asked(wanted.key);
        this.#reading -= 1;
        this.#pump();
      });
    }
  }

  #pumpIn(delayMs: number): void {
    this.#tokenTimer = this.#options.clock.setTimer(() => {
      this.#tokenTimer = null;
      this.#pump();
    }, Math.ceil(delayMs));
  }

  async #read(wanted: WantedSecret): Promise<void> {
    const { client, timing } = this.#options;
    const path = objectPath(SECRETS, wanted.namespace, wanted.key.slice(wanted.namespace.length + 1));
    let delayMs: number | null;
    try {
      const { signal } = this.#closing;
      const answer = await client.send({ method: "GET", path, timeoutMs: timing.readTimeoutMs, signal });
      if (this.#wanted.get(wanted.key) !== wanted) return;
      delayMs = this.#take(wanted, answer);
    } catch {
      if (this.#wanted.get(wanted.key) !== wanted) return;
      delayMs = wanted.retry.next(null);
    }
    this.#endFirst(wanted);
    if (delayMs === null) this.#wanted.delete(wanted.key);
    else wanted.timer = this.#options.clock.setTimer(() => this.#enqueue(wanted), delayMs);
  }

  /** @returns when to ask again, or null where the answer is final. */
  #take(wanted: WantedSecret, answer: { status: number; body: unknown; retryAfterMs: number | null }): number | null {
    const { found, missing, forbidden } = this.#options;
    if (answer.status === 200) {
      const object = adoptObject(answer.body);
      if (object === null) return wanted.retry.next(null);
      found(object);
      return null;
    }
    const refusal = refusalOf(answer.status, answer.body, answer.retryAfterMs);
    if (refusal.kind === "not-found") {
      missing(wanted.key);
      return null;
    }
    if (refusal.kind === "forbidden") {
      forbidden(wanted.key, refusal.message);
      return wanted.retry.unavailable();
    }
    return wanted.retry.next(refusal.retryAfterMs);
  }

  #endFirst(wanted: WantedSecret): void {
    if (!wanted.isFirst) return;
    wanted.isFirst = false;
    this.#firstAttempts -= 1;
    if (wanted.isAwaited) this.#options.ended();
    if (this.#firstAttempts > 0) return;
    this.#settling?.resolve();
    this.#settling = null;
  }
}
