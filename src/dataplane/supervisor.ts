// Keeps the worker threads running: starts them, replaces those that end or no longer answer, and drains them at the end.
// It moves messages to its observers and knows nothing of what they say.
import type { Clock, ClockTimer } from "../lib/clock.ts";
import type { BackOffTiming } from "../lib/back-off.ts";
import { backOffDelay } from "../lib/back-off.ts";
import { drainThreads } from "./drain.ts";
import type { DrainResult } from "./drain.ts";
import { checkListeners } from "./listen-check.ts";
import type { FromWorker, ListenerSettings, ToWorker, WorkerSettings } from "./protocol.ts";
import { SnapshotDiffer } from "./snapshot-differ.ts";
import type { WorkerObserver } from "./worker-link.ts";
import type { StopReason, ThreadSettings } from "./worker-thread.ts";
import { WorkerThread } from "./worker-thread.ts";

/** For logs and metrics. */
export type SupervisorEvent =
  | { readonly type: "worker-listening"; readonly workerId: number; readonly ports: readonly number[] }
  /** `restartInMs` is null where no replacement follows. */
  | {
      readonly type: "worker-stopped";
      readonly workerId: number;
      readonly reason: StopReason;
      readonly restartInMs: number | null;
    }
  | { readonly type: "worker-restarted"; readonly workerId: number };

/** Milliseconds. */
export interface SupervisorTiming {
  readonly restart: BackOffTiming;
  /** A worker that listened for so long starts its back-off anew when it dies. */
  readonly stableAfterMs: number;
  readonly probeIntervalMs: number;
  /** A worker that owes an answer for so long is replaced. */
  readonly unresponsiveAfterMs: number;
  /** Added to the grace time of a drain before workers are ended by force. */
  readonly drainSlackMs: number;
}

const DEFAULT_TIMING: SupervisorTiming = {
  restart: { firstDelayMs: 100, maxDelayMs: 10_000 },
  stableAfterMs: 60_000,
  probeIntervalMs: 5_000,
  unresponsiveAfterMs: 30_000,
  drainSlackMs: 1_000,
};

export interface SupervisorOptions {
  /** Module that every worker runs. It is posted PostedToWorker, and answers FromWorker. */
  readonly workerUrl: URL;
  readonly workerCount: number;
  /** Read for each thread, so that replacements get the newest ticket keys. */
  readonly settings: () => Omit<WorkerSettings, "workerId" | "listenAfterSnapshot">;
  readonly observers: readonly WorkerObserver[];
  readonly onEvent: (event: SupervisorEvent) => void;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly thread?: ThreadSettings;
  readonly timing?: Partial<SupervisorTiming>;
}

interface WorkerSlot {
  readonly workerId: number;
  thread: WorkerThread | null;
  /** In a row, each within `stableAfterMs` of its start. */
  failures: number;
  listeningSince: number | null;
  restartTimer: ClockTimer | null;
}

type Phase = "idle" | "starting" | "running" | "draining" | "stopped";

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #timing: SupervisorTiming;
  readonly #slots: WorkerSlot[];
  readonly #differ = new SnapshotDiffer();
  #listeners: readonly ListenerSettings[] = [];
  #phase: Phase = "idle";
  #probeTimer: ClockTimer | null = null;
  #lastProbeAt = 0;
  #drain: Promise<DrainResult> | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#slots = Array.from({ length: options.workerCount }, (_, workerId) => ({
      workerId,
      thread: null,
      failures: 0,
      listeningSince: null,
      restartTimer: null,
    }));
  }

  /**
   * Starts all workers and waits until each listens. Where port 0 was asked for, the first worker's port serves all.
   * @returns the listeners with their real ports.
   * @throws ListenError or WorkerStartError, with every thread ended.
   */
  async start(): Promise<readonly ListenerSettings[]> {
    this.#phase = "starting";
    try {
      this.#listeners = await checkListeners(this.#options.settings().listeners);
      const [first, ...others] = this.#slots;
      if (first !== undefined && this.#listeners.some((listener) => listener.port === 0)) {
        const ports = await this.#launch(first, false).listening;
        this.#listeners = this.#listeners.map((listener, i) => ({ ...listener, port: ports[i] ?? listener.port }));
        await Promise.all(others.map((slot) => this.#launch(slot, false).listening));
      } else {
        await Promise.all(this.#slots.map((slot) => this.#launch(slot, false).listening));
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#phase = "running";
    this.#scheduleProbe();
    return this.#listeners;
  }

  /** Posts to every worker that runs. */
  broadcast(message: ToWorker): void {
    for (const thread of this.#threads()) thread.post(message);
  }

  /**
   * Lets every worker finish what it serves, and ends them all. A second call has no effect of its own: to end at once,
   * call `stop`, which cuts a running drain short.
   */
  drain(graceMs: number): Promise<DrainResult> {
    this.#drain ??= this.#drainAll(graceMs);
    return this.#drain;
  }

  /** Ends every worker now. */
  async stop(): Promise<void> {
    this.#phase = "stopped";
    this.#cancelTimers();
    await Promise.all(this.#threads().map((thread) => thread.terminate({ cause: "stopped", detail: "" })));
  }

  async #drainAll(graceMs: number): Promise<DrainResult> {
    this.#phase = "draining";
    this.#cancelTimers();
    const threads = this.#threads();
    const idle = threads.filter((thread) => !thread.isListening);
    await Promise.all(idle.map((thread) => thread.terminate({ cause: "stopped", detail: "" })));
    const serving = threads.filter((thread) => thread.isListening);
    const result = await drainThreads(serving, {
      graceMs,
      slackMs: this.#timing.drainSlackMs,
      clock: this.#options.clock,
    });
    await this.stop();
    return result;
  }

  #launch(slot: WorkerSlot, isReplacement: boolean): WorkerThread {
    const { clock, observers, settings, thread: threadSettings, workerUrl } = this.#options;
    const shared = { ...settings(), workerId: slot.workerId, listeners: this.#listeners };
    const thread = new WorkerThread({
      url: workerUrl,
      settings: isReplacement ? { ...shared, listenAfterSnapshot: true } : shared,
      thread: threadSettings ?? {},
      differ: this.#differ,
      clock,
      onMessage: (from, message) => this.#onMessage(slot, from, message),
      onStopped: (from, reason) => this.#onStopped(slot, from, reason),
    });
    slot.thread = thread;
    slot.listeningSince = null;
    for (const observer of observers) observer.workerStarted?.(thread);
    return thread;
  }

  #onMessage(slot: WorkerSlot, thread: WorkerThread, message: FromWorker): void {
    if (message.type === "listening") {
      slot.listeningSince = this.#options.clock.now();
      this.#options.onEvent({ type: "worker-listening", workerId: slot.workerId, ports: message.ports });
    }
    for (const observer of this.#options.observers) observer.workerAnswered?.(thread, message);
  }

  #onStopped(slot: WorkerSlot, thread: WorkerThread, reason: StopReason): void {
    slot.thread = null;
    for (const observer of this.#options.observers) observer.workerStopped?.(thread);
    const restartInMs = this.#phase === "running" ? this.#scheduleRestart(slot) : null;
    this.#options.onEvent({ type: "worker-stopped", workerId: slot.workerId, reason, restartInMs });
  }

  #scheduleRestart(slot: WorkerSlot): number {
    const { clock, random } = this.#options;
    const wasStable = slot.listeningSince !== null && clock.now() - slot.listeningSince >= this.#timing.stableAfterMs;
    slot.failures = wasStable ? 1 : slot.failures + 1;
    const delayMs = backOffDelay(slot.failures, this.#timing.restart, random());
    slot.restartTimer = clock.setTimer(() => {
      slot.restartTimer = null;
      this.#launch(slot, true);
      this.#options.onEvent({ type: "worker-restarted", workerId: slot.workerId });
    }, delayMs);
    return delayMs;
  }

  #scheduleProbe(): void {
    this.#lastProbeAt = this.#options.clock.now();
    this.#probeTimer = this.#options.clock.setTimer(() => this.#probeAll(), this.#timing.probeIntervalMs);
  }

  #probeAll(): void {
    const { probeIntervalMs, unresponsiveAfterMs } = this.#timing;
    // Where this thread itself was held up, answers may lie unread in its queue: nobody is to blame for that.
    const wasHeldUp = this.#options.clock.now() - this.#lastProbeAt > 2 * probeIntervalMs;
    for (const thread of this.#threads()) {
      if (wasHeldUp) thread.forgive();
      const owedMs = thread.probe();
      if (owedMs < unresponsiveAfterMs) continue;
      void thread.terminate({ cause: "unresponsive", detail: `no answer for ${Math.round(owedMs)} ms` });
    }
    this.#scheduleProbe();
  }

  #threads(): WorkerThread[] {
    return this.#slots.flatMap((slot) => (slot.thread === null ? [] : [slot.thread]));
  }

  #cancelTimers(): void {
    this.#probeTimer?.cancel();
    for (const slot of this.#slots) slot.restartTimer?.cancel();
  }
}
