// Nodes of the cluster, as tests choose among them.
import { listObjects } from "./api.ts";
import type { KubeObject } from "./api.ts";

const CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane";

/** For pods that shall also run where the control plane is. */
export const EVERY_NODE: readonly unknown[] = [{ operator: "Exists", effect: "NoSchedule" }];

export function isNodeReady(node: KubeObject | null): boolean {
  const { conditions = [] } = (node?.["status"] ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/** Where a node is reached; `""` where it has no InternalIP. */
export function addressOfNode(node: KubeObject): string {
  const { addresses = [] } = node["status"] as {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  };
  return addresses.find(({ type }) => type === "InternalIP")?.address ?? "";
}

/** Names of the nodes without the control plane. */
export async function workersOf(): Promise<readonly string[]> {
  const nodes = await listObjects({ apiVersion: "v1", kind: "Node" });
  return nodes
    .filter(({ metadata }) => metadata.labels?.[CONTROL_PLANE_LABEL] === undefined)
    .map(({ metadata }) => metadata.name)
    .toSorted();
}
