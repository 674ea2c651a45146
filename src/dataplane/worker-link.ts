// How parts of the main thread see the workers: something to post to, and someone to be told of them.
import type { FromWorker, ToWorker } from "./protocol.ts";

/** One run of a worker thread. A replacement has the same `workerId`, but is another link. */
export interface WorkerLink {
  /** From 0; the same for all runs of one place. */
  readonly workerId: number;
  /** Dropped where the thread is gone. */
  post(message: ToWorker): void;
}

/** Told of every worker, in this order: started, any number of messages, stopped. Must not throw. */
export interface WorkerObserver {
  /** The thread exists and knows nothing yet; messages posted now reach it. */
  workerStarted?(link: WorkerLink): void;
  workerAnswered?(link: WorkerLink, message: FromWorker): void;
  workerStopped?(link: WorkerLink): void;
}
