// Settings of the controller that only make sense together, and addresses that the API server would take.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClusterOptions } from "./cluster-settings.ts";
import { loadOptions } from "./load-options.ts";
import { parseStatusAddress } from "./values/status-address.ts";
import { parseControllerName } from "./values/words.ts";

async function load(environment: Readonly<Record<string, string>>): Promise<ClusterOptions | readonly string[]> {
  const loaded = await loadOptions({
    command: "controller",
    flags: new Map(),
    environment,
    configFile: null,
    machine: { parallelism: 2 },
  });
  return loaded.ok ? loaded.options.cluster : loaded.problems;
}

describe("settings of the controller", () => {
  it("have the documented defaults", async () => {
    assert.deepEqual(await load({}), {
      kubeconfig: null,
      namespaces: [],
      namespaceSelector: null,
      controllerName: "penstock.dev/ingress-controller",
      serveUnclassified: false,
      isElectingLeader: true,
      lease: null,
      publishService: null,
      statusAddresses: [],
      isPublishingNodeAddresses: false,
      isClearingStatus: false,
      isWritingEvents: true,
      webhook: null,
    } satisfies ClusterOptions);
  });

  it("refuse what contradicts itself", async () => {
    const problems = await load({
      PENSTOCK_NAMESPACE: "shop,blog",
      PENSTOCK_NAMESPACE_SELECTOR: "team=web",
      PENSTOCK_PUBLISH_NODE_ADDRESSES: "true",
      PENSTOCK_WEBHOOK: ":9443",
    });
    assert.deepEqual(problems, [
      "publish-node-addresses needs publish-service: its endpoints say which nodes count",
      "namespace and namespace-selector exclude each other: leave one out",
      "webhook needs webhook-service and webhook-secret: the certificate names one and is kept in the other",
    ]);
    assert.deepEqual(
      await load({ PENSTOCK_PUBLISH_SERVICE: "ingress/penstock", PENSTOCK_PUBLISH_STATUS_ADDRESS: "203.0.113.7" }),
      ["publish-service and publish-status-address exclude each other: leave one out"],
    );
  });

  it("keep the webhook off the ports of others", async () => {
    const problems = await load({
      PENSTOCK_WEBHOOK: ":8443",
      PENSTOCK_WEBHOOK_SERVICE: "ingress/hook",
      PENSTOCK_WEBHOOK_SECRET: "ingress/hook",
    });
    assert.deepEqual(problems, ["the address :8443 is given to both https and webhook: write another one, or off"]);
  });
});

describe("addresses for the status", () => {
  it("are IP addresses and names", () => {
    for (const address of ["203.0.113.7", "2001:db8::7", "lb.example.com", "localhost"]) {
      assert.deepEqual(parseStatusAddress(address), { ok: true, value: address });
    }
    for (const address of ["", "203.0.113", "203.0.113.256", "fe80::1%eth0", "LB.example.com", "a b", "http://x"]) {
      assert.equal(parseStatusAddress(address).ok, false, address);
    }
  });
});

describe("names of controllers", () => {
  it("are a domain and a path", () => {
    for (const name of ["penstock.dev/ingress-controller", "example.com/team/a_b~c"]) {
      assert.deepEqual(parseControllerName(name), { ok: true, value: name });
    }
    for (const name of ["", "penstock.dev", "penstock.dev/", "/x", "a b/x", `a/${"x".repeat(300)}`]) {
      assert.equal(parseControllerName(name).ok, false, name);
    }
  });
});
