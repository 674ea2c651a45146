// The commands of the cluster's users: kubectl and helm. What the API alone can do is in api.ts, and faster.
import { runCommand } from "./run-command.ts";
import type { CommandOptions } from "./run-command.ts";

/** Standard output. Rejects with CommandError. */
export function kubectl(args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return runCommand("kubectl", args, options);
}

/** Standard output. Rejects with CommandError. A chart needs time for its pods: default 5 minutes. */
export function helm(args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return runCommand("helm", args, { timeoutMs: 300_000, ...options });
}
