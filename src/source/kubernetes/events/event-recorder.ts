// Turns the diagnostics in force into Events on their objects, while this replica leads, so that `kubectl describe` tells
// what is wrong, where, and what to write instead. Bounded in memory and in rate; says again what the server forgets.
import type { Diagnostic } from "../../../ir/diagnostic.ts";
import type { BackOffTiming } from "../../../lib/back-off.ts";
import type { Clock, ClockTimer } from "../../../lib/clock.ts";
import { FairQueue } from "../../../lib/fair-queue.ts";
import type { TokenBucketRate } from "../../../lib/token-bucket.ts";
import { TokenBucket } from "../../../lib/token-bucket.ts";
import type { ApiClient } from "../client/api-client.ts";
import type { Leadership } from "../leader-election/leader-term.ts";
import { fenceClient } from "../leader-election/leader-term.ts";
import { WritePause } from "../write-pause.ts";
import type { DiagnosticDelta, ListCapacity, ListedDiagnostic, ObjectDiagnostic } from "./diagnostic-list.ts";
import { DiagnosticList, objectKeyOf } from "./diagnostic-list.ts";
import type { EventAuthor } from "./event-object.ts";
import { resolvedEvent, warningEvent } from "./event-object.ts";
import type { Announcement, EventObject, EventOutcome } from "./event-request.ts";
import { announceEvent } from "./event-request.ts";
import { eventNameOf } from "./event-text.ts";
import { HoldBack } from "./hold-back.ts";
import type { IdentifyObject } from "./stored-identity.ts";

/** Milliseconds, where nothing else is said. */
export interface EventTiming {
  /** What is in force is said again after so long: well within the hour for which API servers keep Events. */
  readonly repeatMs: number;
  /** How often to look for what has to be said again. */
  readonly scanMs: number;
  /** What is new is said after so long, unless it has ended by then; 0: at once. */
  readonly holdMs: number;
  /** After the server refused an Event. */
  readonly refusedMs: number;
  readonly pause: BackOffTiming;
  readonly rate: TokenBucketRate;
  readonly ratePerObject: TokenBucketRate;
  readonly maxParallel: number;
  readonly capacity: ListCapacity;
}

const DEFAULT_EVENT_TIMING: EventTiming = {
  repeatMs: 30 * 60_000,
  scanMs: 60_000,
  holdMs: 3_000,
  refusedMs: 5 * 60_000,
  pause: { firstDelayMs: 1_000, maxDelayMs: 60_000 },
  rate: { perSecond: 10, burst: 50 },
  ratePerObject: { perSecond: 1 / 60, burst: 10 },
  maxParallel: 4,
  capacity: { total: 10_000, perNamespace: 1_000, perObject: 20 },
};

/** What the recorder tells of itself. */
export interface EventObserver {
  /** One announcement has ended. */
  onAnnounce(outcome: EventOutcome["type"]): void;
  /** So many diagnostics will have no Event, as there are too many. */
  onLeftOut(count: number): void;
  /** Why Events cannot be written, in the place of what was said before; `[]` when they can. */
  onDiagnostics(diagnostics: readonly Diagnostic[]): void;
}

export interface EventRecorderOptions {
  readonly client: ApiClient;
  readonly identify: IdentifyObject;
  /** All diagnostics in force, the last change included: to find those again that there was no room for. */
  readonly inForce: () => readonly Diagnostic[];
  readonly author: EventAuthor;
  readonly clock: Clock;
  /** Milliseconds since the epoch; `Date.now`. */
  readonly wallTimeMs: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly observer: EventObserver;
  readonly timing?: Partial<EventTiming>;
}

/** What waits to be said: a diagnostic in force, or that one has ended. */
type Task = ListedDiagnostic | { readonly ended: ObjectDiagnostic };

/** Objects whose rate is remembered. */
const MAX_OBJECT_RATES = 2_000;
/** Ends that wait to be told; further ones are left out. */
const MAX_ENDS = 1_000;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #timing: EventTiming;
  readonly #client: ApiClient;
  readonly #list: DiagnosticList;
  readonly #bucket: TokenBucket;
  readonly #objectRates = new Map<string, TokenBucket>();
  /** Namespaces take turns. */
  readonly #due = new FairQueue<Task>();
  /** What is not due yet. */
  readonly #new: HoldBack<ListedDiagnostic>;
  readonly #inFlight = new Set<Task>();
  #leadership: Leadership | null = null;
  #isStopped = false;
  /** A token of the common bucket that no task has used. */
  #hasToken = false;
  #waitingEnds = 0;
  readonly #pause: WritePause;
  #problem: string | null = null;
  #wakeTimer: { readonly at: number; readonly handle: ClockTimer } | null = null;
  #scanTimer: ClockTimer | null = null;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#timing = { ...DEFAULT_EVENT_TIMING, ...options.timing };
    this.#client = fenceClient(options.client, () => this.#leadership);
    this.#list = new DiagnosticList(this.#timing.capacity);
    this.#bucket = new TokenBucket(options.clock, this.#timing.rate);
    this.#new = new HoldBack({
      clock: options.clock,
      holdMs: this.#timing.holdMs,
      release: (entries) => {
        for (const entry of entries) this.#addDue(entry);
        this.#pump();
      },
    });
    this.#pause = new WritePause(options.clock, options.random, this.#timing.pause);
  }

  /** Takes in what changed about the diagnostics; also while another leads, to know what is in force. */
  change(delta: DiagnosticDelta): void {
    const { appeared, ended, leftOut } = this.#list.apply(delta);
    if (leftOut > 0) this.#options.observer.onLeftOut(leftOut);
    for (const entry of ended) {
      // Who was never told of it need not hear that it has ended.
      if (entry.count > 0 || this.#inFlight.has(entry)) this.#addEnd(entry.diagnostic);
      this.#due.delete(partyOf(entry), entry);
      this.#new.delete(entry);
    }
    const refilled =
      this.#list.hasLeftOut && delta.resolved.length > 0 ? this.#list.refill(this.#options.inForce()) : [];
    if (this.#leadership === null) return;
    this.#new.add([...appeared, ...refilled]);
    this.#pump();
  }

  /** Begins to write, or with null ends it: from then on nothing is sent. */
  lead(leadership: Leadership | null): void {
    this.#leadership = leadership;
    this.#cancelTimers();
    this.#due.clear();
    this.#new.clear();
    this.#waitingEnds = 0;
    this.#pause.reset();
    if (leadership === null || this.#isStopped) return;
    for (const entry of this.#list.values()) {
      entry.isInherited = true;
      entry.eventName = null;
      entry.count = 0;
      this.#addDue(entry);
    }
    this.#scheduleScan();
    this.#pump();
  }

  /** Ends all writing. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimers();
    this.#due.clear();
    this.#new.clear();
  }

  #addDue(task: Task): void {
    this.#due.add(partyOf(task), task);
  }

  #addEnd(ended: ObjectDiagnostic): void {
    if (this.#leadership === null) return;
    if (this.#waitingEnds >= MAX_ENDS) {
      this.#options.observer.onLeftOut(1);
      return;
    }
    this.#waitingEnds += 1;
    this.#addDue({ ended });
  }

  #cancelTimers(): void {
    this.#wakeTimer?.handle.cancel();
    this.#wakeTimer = null;
    this.#scanTimer?.cancel();
    this.#scanTimer = null;
  }

  #scheduleScan(): void {
    this.#scanTimer = this.#options.clock.setTimer(() => {
      this.#scheduleScan();
      this.#scan();
    }, this.#timing.scanMs);
  }

  /** Finds what has to be said again: the server forgets, and an object may be another one of the same name by now. */
  #scan(): void {
    const now = this.#options.clock.now();
    for (const entry of this.#list.values()) {
      if (entry.eventName === null || this.#inFlight.has(entry)) continue;
      const identity = this.#options.identify(entry.diagnostic.object);
      const name = eventNameOf(entry.diagnostic, identity?.uid ?? "", "Warning");
      if (identity !== null && name !== entry.eventName) entry.count = 0;
      else if (entry.againAt > now) continue;
      this.#addDue(entry);
    }
    this.#pump();
  }

  #pump(): void {
    if (this.#leadership === null || this.#isStopped) return;
    const pauseMs = this.#pause.until - this.#options.clock.now();
    if (pauseMs > 0) return this.#wakeIn(pauseMs);
    if (this.#inFlight.size >= this.#timing.maxParallel) return;
    for (const task of this.#due.inTurns()) {
      if (this.#inFlight.size >= this.#timing.maxParallel) return;
      if (!this.#hasToken) {
        const waitMs = this.#bucket.take();
        if (waitMs > 0) return this.#wakeIn(waitMs);
        this.#hasToken = true;
      }
      const objectWaitMs = this.#rateOf(task).take();
      if (objectWaitMs > 0) {
        this.#wakeIn(objectWaitMs);
        continue;
      }
      this.#hasToken = false;
      this.#due.serve(partyOf(task), task);
      void this.#announce(task);
    }
  }

  #rateOf(task: Task): TokenBucket {
    const key = objectKeyOf(diagnosticOf(task).object);
    let rate = this.#objectRates.get(key);
    if (rate === undefined) {
      rate = new TokenBucket(this.#options.clock, this.#timing.ratePerObject);
      const oldest = this.#objectRates.keys().next();
      if (this.#objectRates.size >= MAX_OBJECT_RATES && oldest.done !== true) this.#objectRates.delete(oldest.value);
      this.#objectRates.set(key, rate);
    }
    return rate;
  }

  async #announce(task: Task): Promise<void> {
    const announcement = this.#prepare(task);
    if ("ended" in task) this.#waitingEnds -= 1;
    if (announcement === null) return;
    const leadership = this.#leadership;
    this.#inFlight.add(task);
    const outcome = await announceEvent(this.#client, announcement);
    this.#inFlight.delete(task);
    if (this.#isStopped) return;
    this.#options.observer.onAnnounce(outcome.type);
    if (leadership === this.#leadership) this.#conclude(task, announcement, outcome);
    this.#pump();
  }

  /** Null where there is nobody to tell, as an object that is gone needs no word that it is well again, or nothing any more. */
  #prepare(task: Task): Announcement | null {
    const { identify, author, wallTimeMs } = this.#options;
    const diagnostic = diagnosticOf(task);
    const circumstances = { identity: identify(diagnostic.object), author, wallMs: wallTimeMs() };
    if ("ended" in task) {
      const event = resolvedEvent(diagnostic, circumstances);
      return circumstances.identity === null ? null : { event, knownCount: 0, isEnough: () => false };
    }
    // Something else is said in its place since it became due.
    if (!this.#list.has(task)) return null;
    const event = warningEvent(diagnostic, circumstances);
    return {
      event,
      knownCount: task.eventName === event.metadata.name ? task.count : 0,
      isEnough: (seenAt) => task.isInherited && this.#ageOf(seenAt) < this.#timing.repeatMs,
    };
  }

  /** Milliseconds; endless for what cannot be read or lies in the future. */
  #ageOf(seenAt: string): number {
    const ageMs = this.#options.wallTimeMs() - Date.parse(seenAt);
    return ageMs >= 0 ? ageMs : Infinity;
  }

  #conclude(task: Task, { event }: Announcement, outcome: EventOutcome): void {
    switch (outcome.type) {
      case "created":
      case "repeated":
      case "there":
        this.#pause.succeeded();
        this.#setProblem(null);
        if ("ended" in task) return;
        task.eventName = event.metadata.name;
        task.count = outcome.count;
        task.isInherited = false;
        this.#planRepetition(task, outcome.type === "there" ? this.#ageOf(outcome.seenAt) : 0);
        return;
      case "not-leading":
        return;
      case "forbidden":
      case "refused":
        this.#setProblem(outcome.message);
        return this.#giveUpForNow(task, event);
      case "gone":
        return this.#giveUpForNow(task, event);
      case "unavailable":
        this.#retryLater(task, outcome.retryAfterMs);
    }
  }

  /** Others may be taken all the same. */
  #giveUpForNow(task: Task, event: EventObject): void {
    if ("ended" in task) return;
    task.eventName = event.metadata.name;
    task.count = 0;
    this.#planRepetition(task, this.#timing.repeatMs - this.#timing.refusedMs);
  }

  /** @param ageMs how long ago it was said. */
  #planRepetition(entry: ListedDiagnostic, ageMs: number): void {
    const { clock, random } = this.#options;
    // Spread, so that what was said at once is not said again at once.
    const repeatMs = this.#timing.repeatMs * (0.9 + random() * 0.2);
    entry.againAt = clock.now() + Math.max(0, repeatMs - ageMs);
  }

  #retryLater(task: Task, askedMs: number | null): void {
    if ("ended" in task) this.#waitingEnds += 1;
    if ("ended" in task || this.#list.has(task)) this.#addDue(task);
    this.#pause.begin(askedMs);
  }

  #setProblem(message: string | null): void {
    if (message === this.#problem) return;
    this.#problem = message;
    this.#options.observer.onDiagnostics(message === null ? [] : [eventsRefused(message)]);
  }

  #wakeIn(delayMs: number): void {
    const { clock } = this.#options;
    const at = clock.now() + Math.max(1, Math.ceil(delayMs));
    if (this.#wakeTimer !== null && this.#wakeTimer.at <= at) return;
    this.#wakeTimer?.handle.cancel();
    const handle = clock.setTimer(() => {
      this.#wakeTimer = null;
      this.#pump();
    }, at - clock.now());
    this.#wakeTimer = { at, handle };
  }
}

function partyOf(task: Task): string {
  return diagnosticOf(task).object.namespace;
}

function diagnosticOf(task: Task): ObjectDiagnostic {
  return "ended" in task ? task.ended : task.diagnostic;
}

/** On no object: an Event about Events that cannot be written would not be written either. */
function eventsRefused(message: string): Diagnostic {
  return {
    severity: "warning",
    reason: "EventsRefused",
    object: null,
    field: "",
    message: `the API server does not take our Events: ${message}`,
    hint: "Grant get, create and patch on events of events.k8s.io, or run with --no-events.",
    location: null,
  };
}
