// What only whoever made the cluster can do to it: commands from the environment. Where one is missing, its tests are
// skipped, and say why.
import type { TestContext } from "node:test";
import { runShell } from "./run-command.ts";

/** Each is a line for bash in the variable of that name. Those of nodes get the node's name as $NODE. */
export const CAPABILITIES = {
  /** Ends the API server and leaves it so. */
  stopApiServer: "E2E_STOP_APISERVER",
  startApiServer: "E2E_START_APISERVER",
  /** Loses a node as a power cut does. */
  stopNode: "E2E_STOP_NODE",
  startNode: "E2E_START_NODE",
  /** Compacts etcd to its newest revision, so that older watches answer 410. */
  compactEtcd: "E2E_COMPACT_ETCD",
} as const;

export type Capability = keyof typeof CAPABILITIES;

export type ClusterOperation = (env?: Readonly<Record<string, string>>) => Promise<void>;

/**
 * The operations, or null after marking the test as skipped: `const cluster = requireCapabilities(t, "stopNode",
 * "startNode"); if (cluster === null) return;`
 */
export function requireCapabilities<const Name extends Capability>(
  t: TestContext,
  ...names: readonly Name[]
): Readonly<Record<Name, ClusterOperation>> | null {
  const operations: Partial<Record<Capability, ClusterOperation>> = {};
  for (const name of names) {
    const variable = CAPABILITIES[name];
    const line = process.env[variable] ?? "";
    if (line === "") {
      t.skip(`this cluster cannot do it: ${variable} is not set`);
      return null;
    }
    operations[name] = async (env = {}) => {
      await runShell(line, { env });
    };
  }
  return operations as Record<Name, ClusterOperation>;
}
