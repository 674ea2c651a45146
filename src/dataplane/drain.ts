// Asks workers to finish what they serve, and waits for them no longer than the grace time and a little.
import type { Clock } from "../lib/clock.ts";
import type { WorkerThread } from "./worker-thread.ts";

export interface DrainResult {
  /** Connections that the grace time cut off, as the workers counted them. */
  readonly abortedConnections: number;
  /** Workers that gave no account: they died, or did not answer in time. */
  readonly unanswered: number;
}

export interface DrainOptions {
  /** Time for the workers, in milliseconds. */
  readonly graceMs: number;
  /** For their answers to arrive after that, in milliseconds. */
  readonly slackMs: number;
  readonly clock: Clock;
}

export async function drainThreads(threads: readonly WorkerThread[], options: DrainOptions): Promise<DrainResult> {
  const accounts = threads.map((thread) => drainThread(thread, options));
  let abortedConnections = 0;
  let unanswered = 0;
  for (const account of await Promise.all(accounts)) {
    if (account === null) unanswered += 1;
    else abortedConnections += account;
  }
  return { abortedConnections, unanswered };
}

async function drainThread(thread: WorkerThread, { graceMs, slackMs, clock }: DrainOptions): Promise<number | null> {
  const late = Promise.withResolvers<null>();
  const timer = clock.setTimer(() => late.resolve(null), graceMs + slackMs);
  thread.post({ type: "drain", graceMs });
  const account = await Promise.race([thread.drained, thread.ended.then(() => null), late.promise]);
  timer.cancel();
  return account;
}
