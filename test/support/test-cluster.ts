// A double of the API server with our IngressClass in it, and what a controller needs to find it.
import type { TestContext } from "node:test";
import type { ApiServerDouble } from "./api-server/start-api-server.ts";
import { startApiServer } from "./api-server/start-api-server.ts";
import { createFolder } from "./penstock-process.ts";
import { localFlags } from "./running-proxy.ts";

export interface TestCluster {
  readonly api: ApiServerDouble;
  /** Flags that every controller of these tests has. */
  readonly flags: readonly string[];
}

/** Ends with the test. */
export async function startCluster(context: TestContext): Promise<TestCluster> {
  const api = await startApiServer({ patienceMs: 60_000 });
  context.after(() => api.stop());
  api.apply({
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name: "penstock" },
    spec: { controller: "penstock.dev/ingress-controller" },
  });
  const folder = await createFolder(context, {
    kubeconfig: JSON.stringify({
      "current-context": "double",
      contexts: [{ name: "double", context: { cluster: "double", user: "nobody" } }],
      clusters: [{ name: "double", cluster: { server: api.url } }],
      users: [{ name: "nobody", user: {} }],
    }),
  });
  return { api, flags: ["--kubeconfig", `${folder}/kubeconfig`, "--drain-delay", "0s", ...localFlags()] };
}
