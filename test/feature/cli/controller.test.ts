// `penstock controller` against a double of the API server: what it serves, what it writes, and what an outage does to it.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { parseAllDocuments } from "yaml";
import type { ApiServerDouble, ObjectInput } from "../../support/api-server/start-api-server.ts";
import { machineAddress } from "../../support/machine-address.ts";
import { createFolder, PenstockProcess } from "../../support/penstock-process.ts";
import type { TestCluster } from "../../support/test-cluster.ts";
import { startCluster } from "../../support/test-cluster.ts";
import { localFlags, manifestOf, RunningProxy, startUpstream } from "../../support/running-proxy.ts";

/** Writes an Ingress of our class with its Service and slice. */
function applySite(api: ApiServerDouble, name: string, port: number): void {
  for (const document of parseAllDocuments(
    manifestOf({ name, host: `${name}.test`, port, address: machineAddress() }),
  )) {
    const object = document.toJS() as ObjectInput & { spec?: Record<string, unknown> };
    if (object.kind === "Ingress") object.spec = { ...object.spec, ingressClassName: "penstock" };
    api.apply(object);
  }
}

function startController(
  context: TestContext,
  { flags }: TestCluster,
  ...more: readonly string[]
): Promise<RunningProxy> {
  return RunningProxy.start(context, ["controller", ...flags, ...more], { env: { POD_NAMESPACE: "ingress" } });
}

describe("controller", { concurrency: 2 }, () => {
  it("serves a cluster and follows it", async (context) => {
    const cluster = await startCluster(context);
    const [first, second] = [await hello(context, "one"), await hello(context, "two")];
    applySite(cluster.api, "shop", first);
    const proxy = await startController(context, cluster);
    assert.equal((await proxy.get("shop.test", "/")).body, "one");
    applySite(cluster.api, "blog", second);
    await proxy.waitForGeneration(2);
    assert.equal((await proxy.get("blog.test", "/")).body, "two");
    cluster.api.remove({ kind: "Ingress", name: "shop" });
    await proxy.waitForGeneration(3);
    assert.equal((await proxy.get("shop.test", "/")).status, 404);
  });

  it("writes the status of what it serves and Events on what it cannot, then gives the lead back", async (context) => {
    const cluster = await startCluster(context);
    applySite(cluster.api, "shop", await hello(context, "one"));
    cluster.api.remove({ kind: "Service", name: "shop" });
    const proxy = await startController(context, cluster, "--publish-status-address", "203.0.113.7");
    await cluster.api.requestSeen(
      ({ verb, resource, subresource }) => [verb, resource, subresource].join(" ") === "patch ingresses status",
    );
    await cluster.api.requestSeen(({ verb, resource }) => verb === "create" && resource === "events");
    const shop = cluster.api.get({ kind: "Ingress", name: "shop" });
    assert.deepEqual(shop?.["status"], { loadBalancer: { ingress: [{ ip: "203.0.113.7" }] } });
    const [event] = cluster.api.objects("Event", "events.k8s.io/v1");
    assert.equal(event?.["reason"], "ServiceNotFound");
    proxy.process.signal("SIGTERM");
    assert.equal((await proxy.process.ended()).code, 0);
    const lease = cluster.api.get({ kind: "Lease", namespace: "ingress", name: "penstock-leader" });
    assert.ok(lease !== null);
    assert.equal((lease["spec"] as { readonly holderIdentity: string }).holderIdentity, "");
  });

  it("serves on, and stays ready, while the API server is away, then catches up", async (context) => {
    const cluster = await startCluster(context);
    applySite(cluster.api, "shop", await hello(context, "one"));
    const proxy = await startController(context, cluster);
    await cluster.api.stop();
    await proxy.process.waitForStderr(/the API server does not answer; what was read is served on/);
    assert.equal((await proxy.get("shop.test", "/")).body, "one");
    assert.equal((await proxy.admin("/readyz")).status, 200);
    assert.match((await proxy.admin("/metrics")).body, /^penstock_kubernetes_api_connected 0$/m);
    applySite(cluster.api, "blog", await hello(context, "two"));
    await cluster.api.start();
    await proxy.waitForGeneration(2);
    assert.equal((await proxy.get("blog.test", "/")).body, "two");
    assert.match((await proxy.admin("/metrics")).body, /^penstock_kubernetes_api_connected 1$/m);
  });

  it("waits for an API server that is not there yet, alive but not ready, and ends when it is told to", async (context) => {
    const cluster = await startCluster(context);
    await cluster.api.stop();
    const adminPort = await freePort();
    const args = ["controller", ...cluster.flags, "--admin", `127.0.0.1:${adminPort}`];
    const penstock = new PenstockProcess(context, args);
    await penstock.waitForStderr(/the API server does not answer/);
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    assert.deepEqual([ready.status, await ready.text()], [503, "starting: the objects are not completely read yet\n"]);
    assert.equal((await fetch(`http://127.0.0.1:${adminPort}/healthz`)).status, 200);
    penstock.signal("SIGTERM");
    assert.equal((await penstock.ended()).code, 0);
  });

  it("ends with one clear line where the kubeconfig cannot be used", async (context) => {
    const folder = await createFolder(context, { kubeconfig: "current-context: nowhere\n" });
    const penstock = new PenstockProcess(context, [
      "controller",
      ...localFlags(),
      "--kubeconfig",
      `${folder}/kubeconfig`,
    ]);
    const { code, stderr } = await penstock.ended();
    assert.equal(code, 1);
    assert.match(stderr, /^penstock: context "nowhere" is not in \S+kubeconfig: it has none/m);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
});

function hello(context: TestContext, text: string): Promise<number> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    response.end(text);
  };
  return startUpstream(context, answer, machineAddress());
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
