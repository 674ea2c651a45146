// What listens on the proxy's own machine is nobody's upstream: whoever may write objects of a namespace gets neither the admin
// endpoints nor anything else on loopback through the proxy, by whatever name. The sites of others are served on.
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { it } from "node:test";
import type { TestContext } from "node:test";
import { parseAllDocuments } from "yaml";
import type { ApiServerDouble, ObjectInput } from "../../support/api-server/start-api-server.ts";
import { machineAddress } from "../../support/machine-address.ts";
import { startCluster } from "../../support/test-cluster.ts";
import { manifestOf, RunningProxy, startUpstream } from "../../support/running-proxy.ts";

const NAMES = ["127.0.0.1", "127.9.9.9", "localhost", "x.localhost", "127.1", "2130706433", "0x7f.1", "0.0.0.0"];
/** In the hosts file of many systems; where it is not, it leads nowhere, which is as good. */
const RESOLVED = "ip6-localhost";

async function startController(context: TestContext): Promise<{ api: ApiServerDouble; proxy: RunningProxy }> {
  const { api, flags } = await startCluster(context);
  return {
    api,
    proxy: await RunningProxy.start(context, ["controller", ...flags], { env: { POD_NAMESPACE: "ingress" } }),
  };
}

/** Applies an Ingress for `<name>.test` with all that belongs to it; an endpoint at `address` unless it is an ExternalName. */
function applySite(
  api: ApiServerDouble,
  { name, address, port, externalName }: { name: string; address: string; port: number; externalName?: string },
): void {
  for (const document of parseAllDocuments(manifestOf({ name, host: `${name}.test`, address, port }))) {
    const object = document.toJS() as ObjectInput & { spec?: Record<string, unknown> };
    if (object.kind === "Ingress") {
      const path = { path: "/", pathType: "Prefix", backend: { service: { name, port: { name: "web" } } } };
      object.spec = { ingressClassName: "penstock", rules: [{ host: `${name}.test`, http: { paths: [path] } }] };
    } else if (object.kind === "Service") {
      object.spec =
        externalName === undefined
          ? { ports: [{ name: "web", port: 80 }] }
          : { type: "ExternalName", externalName, ports: [{ name: "web", port }] };
    } else {
      if (externalName !== undefined) continue;
      Object.assign(object, { ports: [{ name: "web", port }] });
    }
    api.apply(object);
  }
}

it("nothing on the proxy's own machine is reached through an Ingress", async (context) => {
  const { api, proxy } = await startController(context);
  assert.equal((await proxy.admin("/config/generation")).status, 200, "it is there to be reached");
  const address = machineAddress();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    response.end("served");
  };
  const hostile: string[] = [];
  for (const [index, externalName] of [...NAMES, RESOLVED].entries()) {
    hostile.push(`name-${index}`);
    applySite(api, { name: `name-${index}`, address, port: proxy.adminPort, externalName });
  }
  hostile.push("slice");
  applySite(api, { name: "slice", address: "127.0.0.1", port: proxy.adminPort });
  const port = await startUpstream(context, answer, address);
  applySite(api, { name: "external-neighbour", address, port, externalName: address });
  applySite(api, { name: "neighbour", address, port });

  // Applied last, so that everything else is known when it is served.
  while ((await proxy.get("neighbour.test", "/")).status !== 200) continue;
  for (const name of hostile) {
    const { status, body } = await proxy.get(`${name}.test`, "/config/generation");
    assert.equal(status, 503, `${name}: ${body}`);
  }
  assert.equal((await proxy.get("neighbour.test", "/")).body, "served");
  assert.equal((await proxy.get("external-neighbour.test", "/")).body, "served");
  await proxy.process.waitForStderr(
    /externalName \\"127\.0\.0\.1\\" is a loopback address, which no endpoint can have/,
  );
  await proxy.process.waitForStderr(
    /"127\.0\.0\.1\\" is a loopback address, which no endpoint can have; it is left out/,
  );
});
