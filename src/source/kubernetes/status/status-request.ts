// One write of one Ingress's status, and what became of it. Decides nothing about trying again.
import type { Diagnostic } from "../../../ir/diagnostic.ts";
import type { Ingress, LoadBalancerIngress } from "../../object-types.ts";
import type { ApiAnswer, ApiClient } from "../client/api-client.ts";
import { NotLeading } from "../leader-election/leader-term.ts";
import { refusalOf } from "../client/refusal.ts";
import { statusPatch } from "./status-plan.ts";

export type WriteOutcome =
  | { readonly type: "written" }
  /** Somebody else changed the Ingress meanwhile. */
  | { readonly type: "conflict" }
  | { readonly type: "gone" }
  | { readonly type: "not-leading" }
  | { readonly type: "forbidden"; readonly diagnostic: Diagnostic }
  /** No answer, or an API server that cannot do it now. */
  | { readonly type: "unavailable"; readonly retryAfterMs: number | null }
  /** This very write is not accepted. */
  | { readonly type: "refused"; readonly diagnostic: Diagnostic };

const REQUEST_TIMEOUT_MS = 5_000;

/** Never rejects. */
export async function writeStatus(
  client: ApiClient,
  ingress: Ingress,
  list: readonly LoadBalancerIngress[],
): Promise<WriteOutcome> {
  const { namespace = "", name } = ingress.metadata;
  const path = `/apis/networking.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/ingresses/${encodeURIComponent(name)}/status`;
  try {
    const body = statusPatch(ingress, list);
    return outcomeOf(ingress, await client.send({ method: "PATCH", path, body, timeoutMs: REQUEST_TIMEOUT_MS }));
  } catch (error) {
    return error instanceof NotLeading ? { type: "not-leading" } : { type: "unavailable", retryAfterMs: null };
  }
}

function outcomeOf(ingress: Ingress, { status, body, retryAfterMs }: ApiAnswer): WriteOutcome {
  if (status === 200) return { type: "written" };
  if (status === 404) return { type: "gone" };
  if (status === 409) return { type: "conflict" };
  if (status === 403) return { type: "forbidden", diagnostic: FORBIDDEN };
  if (status === 401 || status === 429 || status >= 500) return { type: "unavailable", retryAfterMs };
  return { type: "refused", diagnostic: refused(ingress, refusalOf(status, body, retryAfterMs).message) };
}

const FORBIDDEN: Diagnostic = {
  severity: "warning",
  reason: "StatusForbidden",
  object: null,
  field: "",
  message: "RBAC does not allow to write the status of Ingresses, so they show no address",
  hint: "Grant patch on ingresses/status of networking.k8s.io.",
  location: null,
};

function refused({ kind, metadata: { namespace = "", name } }: Ingress, message: string): Diagnostic {
  return {
    severity: "warning",
    reason: "StatusRefused",
    object: { kind, namespace, name },
    field: "status.loadBalancer.ingress",
    message: `the API server does not accept the addresses of the controller: ${message}`,
    hint: "",
    location: null,
  };
}
