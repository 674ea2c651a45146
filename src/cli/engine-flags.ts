// The V8 flags that the product runs under. They are the process's, so every worker thread that is started later has them.
import { setFlagsFromString } from "node:v8";

const ENGINE_FLAGS: readonly string[] = [
  // No string becomes code, whatever a tenant writes and whatever a dependency would like to compile.
  "--disallow-code-generation-from-strings",
  // A regular expression that backtracks too often goes on in V8's linear engine.
  "--enable-experimental-regexp-engine-on-excessive-backtracks",
  "--regexp-backtracks-before-fallback=10000",
];

/**
 * Sets them for this process. Worker threads do not take V8 flags of their own (ERR_WORKER_INVALID_EXEC_ARGV). The first
 * flag binds contexts that are made from now on: all workers, but not the main thread, whose context is older; to bind
 * that one too, give the flag to node itself, as the container image does.
 */
export function applyEngineFlags(): void {
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag);
}
