// Which pod this process is, as the downward API tells it; outside of a pod, something that is as good.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";

export interface PodIdentity {
  readonly name: string;
  readonly namespace: string;
  /** Of this very process: a container may start anew in the same pod. */
  readonly unique: string;
}

export function readPodIdentity(environment: NodeJS.ProcessEnv): PodIdentity {
  const name = nonEmpty(environment["POD_NAME"]) ?? hostname();
  return { name, namespace: nonEmpty(environment["POD_NAMESPACE"]) ?? "default", unique: `${name}_${randomUUID()}` };
}

function nonEmpty(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}
