// One run of one worker thread, from its start to its end, with the reason of the end. Replacing it is the supervisor's.
import { Worker } from "node:worker_threads";
import type { WorkerOptions } from "node:worker_threads";
import type { Clock } from "../lib/clock.ts";
import { ListenError } from "../lib/listen-error.ts";
import type { FromWorker, ListenerSettings, PostedToWorker, ToWorker, WorkerSettings } from "./protocol.ts";
import type { SnapshotDiffer } from "./snapshot-differ.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import type { WorkerLink } from "./worker-link.ts";

/** Why a worker thread ended. `stopped`: we ended it on purpose. */
export type StopCause = "exited" | "crashed" | "out-of-memory" | "unresponsive" | "listen-failed" | "stopped";

export interface StopReason {
  readonly cause: StopCause;
  /** For the log; `""` where the cause says it. */
  readonly detail: string;
}

/** A worker ended before its listeners were bound, for another reason than a listener. */
export class WorkerStartError extends Error {
  constructor(workerId: number, reason: StopReason) {
    super(
      `worker ${workerId} ended while it started (${reason.cause}${reason.detail === "" ? "" : `: ${reason.detail}`})`,
    );
    this.name = "WorkerStartError";
  }
}

/** How threads are made: heap bounds, V8 flags, environment. */
export type ThreadSettings = Pick<WorkerOptions, "execArgv" | "resourceLimits" | "env">;

export interface WorkerThreadOptions {
  readonly url: URL;
  readonly settings: WorkerSettings;
  readonly thread: ThreadSettings;
  /** Shared by all threads. */
  readonly differ: SnapshotDiffer;
  readonly clock: Clock;
  readonly onMessage: (thread: WorkerThread, message: FromWorker) => void;
  /** Called once, after which nothing else is. */
  readonly onStopped: (thread: WorkerThread, reason: StopReason) => void;
}

export class WorkerThread implements WorkerLink {
  readonly workerId: number;
  /** Real ports of all listeners. Rejects with ListenError or WorkerStartError. */
  readonly listening: Promise<readonly number[]>;
  readonly #options: WorkerThreadOptions;
  readonly #worker: Worker;
  readonly #snapshots: SnapshotSender;
  readonly #bound = Promise.withResolvers<readonly number[]>();
  readonly #drained = Promise.withResolvers<number>();
  readonly #ended = Promise.withResolvers<void>();
  #isListening = false;
  #isTerminating = false;
  #reason: StopReason | null = null;
  #lastHeardAt: number;
  /** When the unanswered probe was posted; null where none is. */
  #probedAt: number | null = null;

  constructor(options: WorkerThreadOptions) {
    const { settings, clock, differ, thread, url } = options;
    this.#options = options;
    this.workerId = settings.workerId;
    this.listening = this.#bound.promise;
    // Who waits for it is told; for a replacement nobody waits.
    this.listening.catch(() => {});
    this.#lastHeardAt = clock.now();
    this.#worker = new Worker(url, { ...thread, workerData: settings, name: `penstock-worker-${settings.workerId}` });
    const post = (part: PostedToWorker): void => this.#worker.postMessage(part);
    this.#snapshots = new SnapshotSender({ differ, post });
    this.#worker.on("message", (message: FromWorker) => this.#onMessage(message));
    this.#worker.on("error", (error: unknown) => this.#onError(error));
    this.#worker.on("exit", (code) => this.#onExit(code));
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** Connections cut off by a drain; never resolves where the worker gives no account. */
  get drained(): Promise<number> {
    return this.#drained.promise;
  }

  /** Resolves when the thread has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  post(message: ToWorker): void {
    if (message.type === "snapshot") this.#snapshots.send(message.generation, message.snapshot);
    else this.#worker.postMessage(message satisfies PostedToWorker);
  }

  /** Ends the thread now, whatever it does. The first reason given counts. */
  terminate(reason: StopReason): Promise<void> {
    this.#reason ??= reason;
    // A thread that hangs is found unresponsive with every probe, and each call leaves a listener on it.
    if (!this.#isTerminating) void this.#worker.terminate();
    this.#isTerminating = true;
    return this.ended;
  }

  /**
   * Asks for a sign of life unless one is still owed.
   * @returns milliseconds for which an answer is owed; 0 where it is not. Any message counts as an answer.
   */
  probe(): number {
    const now = this.#options.clock.now();
    if (this.#probedAt !== null && this.#lastHeardAt < this.#probedAt) return now - this.#probedAt;
    this.#probedAt = now;
    this.post({ type: "collect-metrics", id: 0 });
    return 0;
  }

  /** Owes no answer for the past, as after the main thread itself was held up and could not read one. */
  forgive(): void {
    this.#probedAt = null;
  }

  #onMessage(message: FromWorker): void {
    this.#lastHeardAt = this.#options.clock.now();
    if (message.type === "listening") {
      this.#isListening = true;
      this.#bound.resolve(message.ports);
    } else if (message.type === "listen-failed") {
      const { address, code } = message;
      const error = new ListenError(listenerAt(this.#options.settings.listeners, address), address, code);
      this.#bound.reject(error);
      void this.terminate({ cause: "listen-failed", detail: error.message });
    } else if (message.type === "drained") {
      this.#drained.resolve(message.abortedConnections);
    } else if (message.type === "nack") {
      this.#snapshots.forget();
    }
    this.#options.onMessage(this, message);
  }

  #onError(error: unknown): void {
    const isOutOfMemory = error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#reason ??= { cause: isOutOfMemory ? "out-of-memory" : "crashed", detail };
  }

  #onExit(code: number): void {
    const reason: StopReason = this.#reason ?? { cause: "exited", detail: `exit code ${code}` };
    this.#reason = reason;
    this.#snapshots.forget();
    this.#bound.reject(new WorkerStartError(this.workerId, withoutStack(reason)));
    this.#options.onStopped(this, reason);
    this.#ended.resolve();
  }
}

function listenerAt(listeners: readonly ListenerSettings[], address: string): string {
  const port = address.slice(address.lastIndexOf(":") + 1);
  return listeners.find((listener) => String(listener.port) === port)?.name ?? "listener";
}

/** The message alone: a person who starts the program wants no stack. */
function withoutStack(reason: StopReason): StopReason {
  const end = reason.detail.indexOf("\n");
  return end === -1 ? reason : { cause: reason.cause, detail: reason.detail.slice(0, end) };
}
