// Reads single Secrets that something has begun to refer to, since the watch passed them over before. Keeps none.
import type { Clock, ClockTimer } from "../../lib/clock.ts";
import type { ApiClient } from "./client/api-client.ts";
import type { ApiObject } from "./reflector/api-object.ts";
import { adoptObject } from "./reflector/api-object.ts";
import { refusalOf } from "./reflector/refusal.ts";
import { objectPath } from "./reflector/resource.ts";
import type { RetryTiming } from "./reflector/retry-delay.ts";
import { RetryDelay } from "./reflector/retry-delay.ts";
import { SECRETS } from "./resources.ts";

export interface SecretReaderOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timing: RetryTiming & { readonly readTimeoutMs: number };
  readonly found: (object: ApiObject) => void;
  /** There is none of this name now; the watch will tell when there is. */
  readonly missing: (key: string) => void;
  readonly forbidden: (key: string, message: string) => void;
  /** A request begins, and is over once its answer is taken in. */
  readonly asking: (key: string) => void;
  readonly asked: (key: string) => void;
  /** A first attempt begins, whose outcome is worth waiting for. */
  readonly began: () => void;
  /** A first attempt is over, whatever came of it. */
  readonly ended: () => void;
}

const MAX_PARALLEL = 8;

interface WantedSecret {
  readonly key: string;
  readonly retry: RetryDelay;
  timer: ClockTimer | null;
  isFirst: boolean;
}

export class SecretReader {
  readonly #options: SecretReaderOptions;
  readonly #wanted = new Map<string, WantedSecret>();
  readonly #queue: WantedSecret[] = [];
  readonly #closing = new AbortController();
  #reading = 0;
  #firstAttempts = 0;
  #settling: PromiseWithResolvers<void> | null = null;

  constructor(options: SecretReaderOptions) {
    this.#options = options;
  }

  /** Reads the Secret `namespace/name` as soon as it can, and tries until there is an answer. */
  want(key: string): void {
    if (this.#wanted.has(key) || this.#closing.signal.aborted) return;
    const { timing, random } = this.#options;
    const wanted = { key, retry: new RetryDelay(timing, random), timer: null, isFirst: true };
    this.#wanted.set(key, wanted);
    this.#firstAttempts += 1;
    this.#options.began();
    this.#enqueue(wanted);
  }

  /** Nobody needs the answer any more. */
  unwant(key: string): void {
    const wanted = this.#wanted.get(key);
    if (wanted === undefined) return;
    this.#wanted.delete(key);
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
    for (const key of this.#wanted.keys()) this.unwant(key);
  }

  #enqueue(wanted: WantedSecret): void {
    this.#queue.push(wanted);
    this.#pump();
  }

  #pump(): void {
    while (this.#reading < MAX_PARALLEL) {
      const wanted = this.#queue.shift();
      if (wanted === undefined) return;
      if (this.#wanted.get(wanted.key) !== wanted) continue;
      this.#reading += 1;
      this.#options.asking(wanted.key);
      void this.#read(wanted).finally(() => {
        this.#options.asked(wanted.key);
        this.#reading -= 1;
        this.#pump();
      });
    }
  }

  async #read(wanted: WantedSecret): Promise<void> {
    const { client, timing } = this.#options;
    const slash = wanted.key.indexOf("/");
    const path = objectPath(SECRETS, wanted.key.slice(0, slash), wanted.key.slice(slash + 1));
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
    this.#options.ended();
    if (this.#firstAttempts > 0) return;
    this.#settling?.resolve();
    this.#settling = null;
  }
}
