// What befalls pods: a process killed from outside, an eviction, a deletion without grace. Each says when it has happened.
import { callApi, waitForObject } from "./api.ts";
import type { KubeObject } from "./api.ts";
import type { TestNamespace } from "./namespace.ts";
import { SETTINGS } from "./settings.ts";

interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly containerStatuses?: readonly { readonly restartCount: number }[];
}

export const podStatus = (pod: KubeObject | null): PodStatus => pod?.["status"] ?? {};

export function isReady(pod: KubeObject | null): boolean {
  return podStatus(pod).conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

export const restartsOf = (pod: KubeObject | null): number => podStatus(pod).containerStatuses?.[0]?.restartCount ?? 0;

/** Kills the process whose environment names the pod. Runs in the node's PID namespace, as the user of the image. */
const KILL_SCRIPT = `
import { readdirSync, readFileSync } from "node:fs";
const wanted = "POD_NAME=" + process.env.VICTIM;
let killed = 0;
for (const entry of readdirSync("/proc")) {
  if (!/^[0-9]+$/.test(entry)) continue;
  let environment = "";
  try { environment = readFileSync("/proc/" + entry + "/environ", "utf8"); } catch { continue; }
  if (!environment.split("\\0").includes(wanted)) continue;
  process.kill(Number(entry), "SIGKILL");
  killed++;
}
process.exit(killed === 1 ? 0 : 3);
`;

/**
 * SIGKILL to the one process of a pod, as the kernel's out-of-memory killer sends it: no hook, no drain. The kubelet finds out
 * and starts the container again. Resolves when the process is gone.
 */
export async function killProcess(namespace: TestNamespace, pod: KubeObject): Promise<void> {
  const { nodeName } = pod["spec"] as { readonly nodeName: string };
  const name = `killer-${pod.metadata.name}`;
  await namespace.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "killer" } },
    spec: {
      nodeName,
      hostPID: true,
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      containers: [
        {
          name: "killer",
          image: SETTINGS.image,
          command: ["/usr/local/bin/node", "--input-type=module", "--eval", KILL_SCRIPT],
          env: [{ name: "VICTIM", value: pod.metadata.name }],
        },
      ],
    },
  });
  const ended = await namespace.waitFor("Pod", name, (object) =>
    ["Succeeded", "Failed"].includes(podStatus(object).phase ?? ""),
  );
  if (podStatus(ended).phase === "Succeeded") return;
  throw new Error(`the process of ${pod.metadata.name} could not be killed`);
}

/** Takes the pod out of the API server at once; its kubelet ends it with little grace. */
export async function deleteWithoutGrace(namespace: string, pod: string): Promise<void> {
  await callApi({
    method: "DELETE",
    path: `/api/v1/namespaces/${namespace}/pods/${pod}`,
    body: { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 },
  });
}

/** Asks the Eviction API, as `kubectl drain` does. Rejects with ApiError 429 where a budget forbids it. */
export async function evict(namespace: string, pod: string): Promise<void> {
  await callApi({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`,
    body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace } },
  });
}

/** Waits until the pod is not there any more. */
export async function waitUntilGone(namespace: string, pod: string): Promise<void> {
  await waitForObject({ apiVersion: "v1", kind: "Pod", namespace, name: pod }, (object) => object === null, {
    timeoutMs: 180_000,
    what: `pod ${pod} to be gone`,
  });
}
