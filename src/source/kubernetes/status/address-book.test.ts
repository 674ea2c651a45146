// Where the addresses come from when the store does not hold the Service, and what is told when they cannot be known.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ApiServerDouble } from "../../../../test/support/api-server/start-api-server.ts";
import { startApiServer } from "../../../../test/support/api-server/start-api-server.ts";
import { ObjectStore } from "../../object-store.ts";
import { ApiUnreachable } from "../client/api-client.ts";
import { AddressBook } from "./address-book.ts";

const EDGE = { namespace: "ingress", name: "edge" };

async function serverOf(t: TestContext): Promise<ApiServerDouble> {
  const server = await startApiServer();
  t.after(() => server.stop());
  for (const [name, address] of [
    ["n1", "198.51.100.1"],
    ["n2", "198.51.100.2"],
  ] as const) {
    const status = { addresses: [{ type: "InternalIP", address }] };
    server.apply({ apiVersion: "v1", kind: "Node", metadata: { name }, status });
  }
  const slice = { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" };
  const labels = { "kubernetes.io/service-name": EDGE.name };
  const endpoints = ["n2", "n1", "gone"].map((nodeName) => ({ addresses: ["10.0.0.2"], nodeName }));
  server.apply({ ...slice, metadata: { ...EDGE, labels }, endpoints });
  server.apply({ ...slice, metadata: { namespace: EDGE.namespace, name: "other" }, endpoints: [] });
  return server;
}

function bookOf(server: ApiServerDouble, type: "service" | "nodes"): AddressBook {
  return new AddressBook({ type, service: EDGE }, new ObjectStore(), server.client());
}

test("endpoints of a Service in a namespace that is not watched are asked for, and their nodes", async (t) => {
  const server = await serverOf(t);
  assert.deepEqual(await bookOf(server, "nodes").read(), {
    addresses: [{ ip: "198.51.100.1" }, { ip: "198.51.100.2" }],
    diagnostic: null,
  });
});

test("says which right is missing, and that nothing is written meanwhile", async (t) => {
  const server = await serverOf(t);
  for (const [type, verb, group, resource] of [
    ["service", "get", "", "services"],
    ["nodes", "list", "discovery.k8s.io", "endpointslices"],
    ["nodes", "get", "", "nodes"],
  ] as const) {
    server.forbid({ verbs: [verb], group, resource });
    const { addresses, diagnostic } = await bookOf(server, type).read();
    assert.equal(addresses, null);
    assert.equal(diagnostic?.reason, "PublishedAddressForbidden");
    assert.match(diagnostic.hint, new RegExp(`^Grant ${verb} on ${resource}, `));
    server.allow();
  }
});

test("a server that cannot answer now says nothing about the addresses", async (t) => {
  const server = await serverOf(t);
  server.answerNext({ match: { resource: "nodes" }, status: 503 });
  await assert.rejects(bookOf(server, "nodes").read(), ApiUnreachable);
  server.answerNext({ match: { resource: "services" }, status: 500 });
  await assert.rejects(bookOf(server, "service").read(), ApiUnreachable);
});

test("endpoints without a node that is there keep the status as it is", async (t) => {
  const server = await serverOf(t);
  for (const name of ["n1", "n2"]) server.remove({ kind: "Node", name });
  const { addresses, diagnostic } = await bookOf(server, "nodes").read();
  assert.deepEqual([addresses, diagnostic?.reason], [null, "PublishedServiceWithoutNodes"]);
});
