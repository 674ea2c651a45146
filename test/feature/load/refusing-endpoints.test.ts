// Endpoints that refuse their connections: many at once while others remain, or all of them for good.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { LoadClients } from "../../support/load-clients.ts";
import { createFolder } from "../../support/penstock-process.ts";
import { localFlags, manifestOf, RunningProxy } from "../../support/running-proxy.ts";

const HOST = "shrinking.example";

async function startProxy(
  context: TestContext,
  endpoints: { readonly addresses: readonly string[]; readonly port: number },
  flags: Readonly<Record<string, string>> = {},
): Promise<RunningProxy> {
  const manifest = manifestOf({ name: "web", host: HOST, port: endpoints.port });
  const list = endpoints.addresses.map((address) => `{ addresses: [${address}] }`).join(", ");
  const folder = await createFolder(context, {
    "all.yaml": manifest.replace("[{ addresses: [127.0.0.1] }]", `[${list}]`),
  });
  return RunningProxy.start(context, ["serve", "--from", ".", ...localFlags(flags)], { cwd: folder });
}

/** As a pod whose process ends: it takes no new connections, and answers what it has. */
async function startPods(
  context: TestContext,
  addresses: readonly string[],
): Promise<{ pods: Server[]; port: number }> {
  const pods: Server[] = [];
  let port = 0;
  for (const address of addresses) {
    const pod = createServer((_request, response) => {
      setImmediate(() => response.end("served"));
    });
    pod.listen(port, address);
    await once(pod, "listening");
    ({ port } = pod.address() as AddressInfo);
    context.after(() => {
      pod.closeAllConnections();
      pod.close();
    });
    pods.push(pod);
  }
  return { pods, port };
}

test("seventeen of twenty endpoints that end at the same moment under load cost no request", async (context) => {
  const addresses = Array.from({ length: 20 }, (_, index) => `127.0.7.${index + 1}`);
  const { pods, port } = await startPods(context, addresses);
  const proxy = await startProxy(context, { addresses, port }, { "access-log": "off" });
  const clients = new LoadClients({ port: proxy.httpPort, connections: 50, host: HOST });
  context.after(() => clients.stop());
  await clients.until(({ completed }) => completed >= 500);
  for (const pod of pods.slice(3)) pod.close();
  // The endpoints never change: for longer than refusing ones are left alone, so that they are looked at again.
  const until = performance.now() + 1_500;
  const before = clients.completed;
  await clients.until(({ completed }) => performance.now() > until && completed >= before + 500);
  await clients.stop();
  context.diagnostic(`${clients.completed - before} requests after the end of seventeen endpoints`);
  assert.equal(clients.failures, "");
});

test("where all endpoints refuse, requests have the attempts that they may have", async (context) => {
  const addresses = Array.from({ length: 100 }, (_, index) => `127.0.8.${index + 1}`);
  // Nothing of ours listens on a port that Linux keeps for root.
  const proxy = await startProxy(context, { addresses, port: 1 }, { "access-log": "json" });
  const countAttempts = async (round: string): Promise<number> => {
    for (let i = 1; i <= 30; i++) assert.equal((await proxy.get(HOST, `/${round}-${i}`)).status, 502);
    await proxy.process.waitForStdout(new RegExp(`"/${round}-30"[^\\n]*\\n`));
    const lines = proxy.process.stdout.split("\n").filter((line) => line.includes(`"/${round}-`));
    assert.equal(lines.length, 30);
    return lines.reduce((sum, line) => sum + (JSON.parse(line) as { readonly attempts: number }).attempts, 0);
  };
  const first = await countAttempts("first");
  assert.ok(first <= 30 * 3 + 100, `${first} connections for the first 30 requests`);
  assert.equal(await countAttempts("second"), 30 * 3);
});
