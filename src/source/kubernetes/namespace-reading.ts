// Reads what one namespace holds of a collection that is watched as a whole, because the namespace has begun to count.
import type { Clock } from "../../lib/clock.ts";
import type { ApiClient } from "./client/api-client.ts";
import type { ObjectIntake } from "./object-intake.ts";
import { listPages } from "./reflector/list-pages.ts";
import type { ReflectorTiming } from "./reflector/reflector.ts";
import { RetryDelay } from "./reflector/retry-delay.ts";

export interface NamespaceReadingOptions {
  readonly client: ApiClient;
  readonly intake: ObjectIntake;
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timing: ReflectorTiming;
  /** False once the namespace no longer counts. */
  readonly isWanted: () => boolean;
  readonly signal: AbortSignal;
}

/** Tries until it is read, or nobody wants it any more. Never throws. */
export async function readNamespace(options: NamespaceReadingOptions): Promise<void> {
  const { intake, clock, random, timing, isWanted, signal } = options;
  const retry = new RetryDelay(timing, random);
  intake.beginReadingAside();
  try {
    while (isWanted() && !signal.aborted) {
      const delayMs = await tryOnce(options, retry);
      if (delayMs === null) return;
      await pause(clock, delayMs, signal);
    }
  } finally {
    intake.endReadingAside();
  }
}

/** @returns when to try again, or null. */
async function tryOnce(options: NamespaceReadingOptions, retry: RetryDelay): Promise<number | null> {
  const { client, intake, namespace, timing, isWanted, signal } = options;
  try {
    const result = await listPages({
      client,
      resource: intake.resource,
      namespace,
      timeoutMs: timing.listTimeoutMs,
      signal,
      onPage: (objects) => {
        if (isWanted() && !signal.aborted) for (const object of objects) intake.readAside(object);
      },
    });
    if (result.outcome === "complete") return null;
    // What is not to be had is read in full by its reflector as soon as it is.
    const { kind, retryAfterMs } = result.refusal;
    return kind === "forbidden" || kind === "not-found" ? null : retry.next(retryAfterMs);
  } catch {
    return retry.next(null);
  }
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(end, delayMs);
    function end(): void {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
