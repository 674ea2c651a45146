// The V8 flags that the product runs under. They are the process's, so every worker thread that is started later has them.
import { setFlagsFromString } from "node:v8";

export const ENGINE_FLAGS: readonly string[] = [
  // No string becomes code, whatever a tenant writes and whatever a dependency would like to compile.
  "--disallow-code-generation-from-strings",
  // A regular expression that backtracks too often goes on in V8's linear engine.
  "--enable-experimental-regexp-engine-on-excessive-backtracks",
  "--regexp-backtracks-before-fallback=10000",
  // Each thread has a heap. By itself V8 lets one grow to four times what lives in it where the machine has memory to
  // spare, and never gives most of it back: what a node has is for other pods as well.
  "--heap-growing-percent=50",
  // MiB, of which a heap holds two for new objects, and keeps them.
  "--max-semi-space-size=16",
];

/**
 * Sets them for this process. Worker threads do not take V8 flags of their own (ERR_WORKER_INVALID_EXEC_ARGV). The first
 * flag binds contexts that are made from now on, and the last one heaps: all workers, but not the main thread, which is
 * older; to bind that one too, give the flags to node itself, as the container image does.
 */
export function applyEngineFlags(): void {
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag);
}
