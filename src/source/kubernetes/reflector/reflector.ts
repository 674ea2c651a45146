// Keeps one collection of the API server mirrored: lists it, watches it from there, and does so again whenever the watch
// cannot be relied on any more. Judges no object and keeps none; whoever takes them in is its sink.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, ClockTimer } from "../../../lib/clock.ts";
import type { ApiClient, ApiStream } from "../client/api-client.ts";
import type { ApiObject } from "./api-object.ts";
import { objectKey } from "./api-object.ts";
import type { Failure } from "./failure.ts";
import { failureOf, needsNewList, refusedFailure, unavailabilityOf } from "./failure.ts";
import { listPages } from "./list-pages.ts";
import { refusalOf } from "../client/refusal.ts";
import type { Resource } from "../resource.ts";
import { collectionPath } from "../resource.ts";
import type { RetryTiming } from "./retry-delay.ts";
import { DEFAULT_RETRY_TIMING, RetryDelay } from "./retry-delay.ts";
import { SilenceWatchdog } from "./silence-watchdog.ts";
import { parseWatchEvent } from "./watch-event.ts";

/** Takes in what a reflector reads, in the order of the API server. */
export interface ReflectorSink {
  /** A list begins: what it will say holds against everything from before. */
  listing(): void;
  /** There is such an object, new, changed, or as it was. */
  upsert(object: ApiObject): void;
  delete(object: ApiObject): void;
  /** A list is complete: whatever it did not name is gone. */
  listed(keys: ReadonlySet<string>, resourceVersion: string): void;
}

export interface ReflectorObserver {
  /** Anything came from the API server. */
  heard(): void;
  listed(objects: number, durationMs: number): void;
  /** The watch delivered an event; bookmarks are none. */
  changed(): void;
  failed(failure: Failure): void;
  /** A watch is open. */
  opened(): void;
}

/** Milliseconds. */
export interface ReflectorTiming extends RetryTiming {
  /** The server ends a watch after a random time between these two, so that many do not end together. */
  readonly minWatchMs: number;
  readonly maxWatchMs: number;
  /** From opening a watch to its head. */
  readonly openTimeoutMs: number;
  /** For one page of a list. */
  readonly listTimeoutMs: number;
  /** A server that sends bookmarks does so every minute; silence of this length is a dead connection. */
  readonly silenceMs: number;
  /** Of a server without bookmarks: the silence after the time at which it should have ended the watch. */
  readonly graceMs: number;
  /** A watch that ends sooner was no watch. */
  readonly shortWatchMs: number;
}

export const DEFAULT_REFLECTOR_TIMING: ReflectorTiming = {
  ...DEFAULT_RETRY_TIMING,
  minWatchMs: 300_000,
  maxWatchMs: 600_000,
  openTimeoutMs: 30_000,
  listTimeoutMs: 60_000,
  silenceMs: 120_000,
  graceMs: 30_000,
  shortWatchMs: 1_000,
};

export interface ReflectorOptions {
  readonly client: ApiClient;
  readonly resource: Resource;
  /** Null: the whole cluster. */
  readonly namespace: string | null;
  readonly sink: ReflectorSink;
  readonly observer: ReflectorObserver;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly timing?: Partial<ReflectorTiming>;
}

/** Two answers in a row that the resource is not there: one may be a server that has just started. */
const NOT_FOUND_TO_BELIEVE = 2;

/** An API server that answers, or a right or a definition that was not there. */
export type Awaited = "server" | "permission";

export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #timing: ReflectorTiming;
  readonly #retry: RetryDelay;
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #resumeFrom: string | null = null;
  #stream: ApiStream | null = null;
  #sendsBookmarks = false;
  #notFound = 0;
  /** What has to change before another try can do better; null where it is only time. */
  #awaited: Awaited | null = null;
  #wake: (() => void) | null = null;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#timing = { ...DEFAULT_REFLECTOR_TIMING, ...options.timing };
    this.#retry = new RetryDelay(this.#timing, options.random);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Somebody else saw that it has come: there is no need to wait out a delay that was for its absence. */
  hurry(arrived: Awaited): void {
    if (this.#awaited === arrived) this.#wake?.();
  }

  /** Resolves when nothing of it goes on any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#stream?.close();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const verb = this.#resumeFrom === null ? "list" : "watch";
      let failure: Failure | null;
      try {
        failure = this.#resumeFrom === null ? await this.#list() : await this.#watch(this.#resumeFrom);
      } catch (error) {
        failure = failureOf(error, verb);
      }
      if (failure !== null && !this.#isClosed) await this.#recover(failure);
    }
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #list(): Promise<Failure | null> {
    const { client, resource, namespace, sink, observer, clock } = this.#options;
    const startedAtMs = clock.now();
    const keys = new Set<string>();
    sink.listing();
    const result = await listPages({
      client,
      resource,
      namespace,
      timeoutMs: this.#timing.listTimeoutMs,
      signal: this.#closing.signal,
      onPage: (objects) => {
        observer.heard();
        if (this.#isClosed) return;
        for (const object of objects) {
          keys.add(objectKey(object.metadata));
          sink.upsert(object);
        }
      },
    });
    if (this.#isClosed) return null;
    observer.heard();
    if (result.outcome === "refused") return refusedFailure(result.refusal, "list");
    sink.listed(keys, result.resourceVersion);
    this.#resumeFrom = result.resourceVersion;
    this.#notFound = 0;
    observer.listed(keys.size, clock.now() - startedAtMs);
    return null;
  }

  async #watch(resumeFrom: string): Promise<Failure | null> {
    const { client, resource, namespace, observer, clock, random } = this.#options;
    const { minWatchMs, maxWatchMs, openTimeoutMs, shortWatchMs } = this.#timing;
    const watchMs = minWatchMs + random() * (maxWatchMs - minWatchMs);
    const query: Record<string, string> = {
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: resumeFrom,
      timeoutSeconds: String(Math.max(1, Math.round(watchMs / 1_000))),
    };
    if (resource.fieldSelector !== null) query["fieldSelector"] = resource.fieldSelector;
    const opened = await client.watch({
      method: "GET",
      path: collectionPath(resource, namespace),
      query,
      timeoutMs: openTimeoutMs,
      signal: this.#closing.signal,
    });
    observer.heard();
    if (!("lines" in opened)) {
      return refusedFailure(refusalOf(opened.status, opened.body, opened.retryAfterMs), "watch");
    }
    observer.opened();
    const startedAtMs = clock.now();
    const failure = await this.#follow(opened, watchMs);
    const livedMs = clock.now() - startedAtMs;
    // Not before: a server that says one good thing and then a broken one would be asked for everything again and again.
    if (livedMs >= shortWatchMs) this.#retry.reset();
    if (failure !== null || this.#isClosed || livedMs >= shortWatchMs) return failure;
    const message = `the API server ended the watch after ${Math.round(livedMs)} ms`;
    return { type: "short", verb: "watch", message, refusal: null };
  }

  /** Takes events in until the stream ends, and gives it up where it says nothing for too long. */
  async #follow(stream: ApiStream, watchMs: number): Promise<Failure | null> {
    const { clock } = this.#options;
    const { silenceMs, graceMs } = this.#timing;
    const untilEndMs = watchMs + graceMs;
    const watchdog = new SilenceWatchdog({
      clock,
      limitMs: () => (this.#sendsBookmarks ? Math.min(silenceMs, untilEndMs) : untilEndMs),
      checkMs: silenceMs,
      onSilence: () => stream.close(),
    });
    this.#stream = stream;
    if (this.#isClosed) stream.close();
    try {
      for await (const line of stream.lines) {
        watchdog.heard();
        const failure = this.#take(line);
        if (failure !== null) return failure;
      }
    } catch (error) {
      const failure = failureOf(error, "watch");
      if (!watchdog.hasFired) return failure.type === "unreachable" ? { ...failure, type: "cut" } : failure;
    } finally {
      watchdog.stop();
      stream.close();
      this.#stream = null;
    }
    if (!watchdog.hasFired) return null;
    return { type: "silent", verb: "watch", message: "the watch has fallen silent", refusal: null };
  }

  #take(line: string): Failure | null {
    const { sink, observer } = this.#options;
    observer.heard();
    const event = parseWatchEvent(line);
    switch (event.type) {
      case "error":
        return refusedFailure(event.refusal, "watch");
      case "bookmark":
        this.#sendsBookmarks = true;
        this.#resumeFrom = event.resourceVersion;
        return null;
      case "upsert":
      case "delete":
        sink[event.type](event.object);
        this.#resumeFrom = event.object.metadata.resourceVersion;
        observer.changed();
        return null;
    }
  }

  async #recover(failure: Failure): Promise<void> {
    const { observer, sink } = this.#options;
    const unavailability = unavailabilityOf(failure);
    if (needsNewList(failure)) this.#resumeFrom = null;
    if (unavailability === "not-installed" && failure.verb === "list") {
      this.#notFound += 1;
      // The definition is deleted, and every object with it.
      if (this.#notFound === NOT_FOUND_TO_BELIEVE) sink.listed(new Set(), "0");
    } else {
      this.#notFound = 0;
    }
    // A server that is back starts with a clean slate, though what it says may be no.
    if (failure.type === "refused" && this.#awaited === "server") this.#retry.reset();
    this.#awaited = unavailability === null ? awaitedAfter(failure) : "permission";
    observer.failed(failure);
    const delayMs =
      unavailability === null ? this.#retry.next(failure.refusal?.retryAfterMs ?? null) : this.#retry.unavailable();
    await this.#pause(delayMs);
  }

  async #pause(delayMs: number): Promise<void> {
    let timer: ClockTimer | null = null;
    await new Promise<void>((resolve) => {
      if (this.#isClosed) {
        resolve();
        return;
      }
      this.#wake = resolve;
      timer = this.#options.clock.setTimer(resolve, delayMs);
    });
    (timer as ClockTimer | null)?.cancel();
    this.#wake = null;
    // However short the delay: whoever closes, or waits for us, gets a turn.
    await nextTurn();
  }
}

function awaitedAfter({ type }: Failure): Awaited | null {
  return type === "unreachable" || type === "cut" || type === "silent" ? "server" : null;
}
