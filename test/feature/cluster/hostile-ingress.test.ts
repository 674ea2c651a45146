// What a hostile tenant writes does no harm to others: they are served on, nothing dies, and whoever wrote it is told. How long
// the workers stood still is reported, not judged: that is for a quiet machine.
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { it } from "node:test";
import type { TestContext } from "node:test";
import { parseAllDocuments } from "yaml";
import type { ApiObject } from "../../support/api-server/api-objects.ts";
import type { ApiServerDouble } from "../../support/api-server/start-api-server.ts";
import { hostileIngresses, impossibleIngresses } from "../../support/hostile-ingresses.ts";
import { machineAddress } from "../../support/machine-address.ts";
import { startCluster } from "../../support/test-cluster.ts";
import { manifestOf, RunningProxy, startUpstream } from "../../support/running-proxy.ts";

const NEIGHBOUR = "neighbour.test";

function applySite(api: ApiServerDouble, name: string, port: number): void {
  for (const document of parseAllDocuments(
    manifestOf({ name, host: `${name}.test`, port, address: machineAddress() }),
  )) {
    const object = document.toJS() as ApiObject & { readonly spec?: object };
    api.apply(
      object.kind === "Ingress" ? { ...object, spec: { ...object.spec, ingressClassName: "penstock" } } : object,
    );
  }
}

function startSite(context: TestContext, text: string): Promise<number> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    response.end(text);
  };
  return startUpstream(context, answer, machineAddress());
}

async function startController(context: TestContext): Promise<{ api: ApiServerDouble; proxy: RunningProxy }> {
  const { api, flags } = await startCluster(context);
  const port = await startSite(context, "served");
  applySite(api, "neighbour", port);
  applySite(api, "web", port);
  return {
    api,
    proxy: await RunningProxy.start(context, ["controller", ...flags], { env: { POD_NAMESPACE: "ingress" } }),
  };
}

/** Longest that each thread stood still since the metrics were read last. */
async function longestDelays(proxy: RunningProxy): Promise<string> {
  const { body } = await proxy.admin("/metrics");
  const delays = Array.from(
    body.matchAll(/^penstock_event_loop_delay_seconds\{thread="(\w+)",quantile="1"\} (\S+)$/gm),
    ([, thread = "", seconds = ""]) =>
      `${thread === "main" ? "main thread" : "worker"} ${Math.round(Number(seconds) * 1000)} ms`,
  );
  return delays.join(", ");
}

/** Asks for the neighbour again and again until `last.test` is served; everything before has been taken in by then. */
async function serveUntilDone(proxy: RunningProxy): Promise<number> {
  let served = 0;
  for (;;) {
    assert.equal((await proxy.get(NEIGHBOUR, "/")).body, "served");
    served += 1;
    if ((await proxy.get("last.test", "/")).status === 200) return served;
  }
}

it("a hostile Ingress is told so and harms nobody", async (context) => {
  const { api, proxy } = await startController(context);
  await longestDelays(proxy);
  const options = {
    namespace: "default",
    ingressClass: "penstock",
    domain: "hostile.test",
    neighbourHost: NEIGHBOUR,
    annotationBytes: 1024 * 1024,
  };
  for (const ingress of [...hostileIngresses(options), ...impossibleIngresses(options)]) api.apply(ingress);
  // No JSON at all, JSON with bytes that are no UTF-8, and keys that come twice.
  await api.until(() => api.openWatches("Ingress") > 0);
  const event = `{"type":"ADDED","object":{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"raw","name":"raw2","namespace":"default","uid":"u","resourceVersion":"1"},"spec":{"ingressClassName":"penstock","rules":[{"host":"HOST"}]}}}\n`;
  const [before = "", after = ""] = event.split("HOST");
  api.sendRaw(
    "Ingress",
    Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xfe, 0xc0, 0x80]), Buffer.from(after)]),
  );
  applySite(api, "last", await startSite(context, "last"));
  const served = await serveUntilDone(proxy);
  context.diagnostic(`${served} requests of others meanwhile; longest delay: ${await longestDelays(proxy)}`);

  assert.equal((await proxy.get("many.hostile.test", "/p/99/9999")).status, 200);
  const { body } = await proxy.admin("/metrics");
  for (const reason of ["PathConflict", "AnnotationInvalid", "ServiceNotFound", "PathInvalid"]) {
    assert.match(body, new RegExp(`^penstock_diagnostics\\{severity="\\w+",reason="${reason}"\\} [1-9]`, "m"), reason);
  }
  assert.doesNotMatch(body, /^penstock_worker_restarts_total\{[^}]*\} [1-9]/m);
  assert.equal((await proxy.admin("/readyz")).status, 200);
  assert.doesNotMatch(proxy.process.stderr, /\n\s+at /);
});
