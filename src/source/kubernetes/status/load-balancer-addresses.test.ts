// Which addresses come from where, and when a status is as it should be.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Service } from "../../object-types.ts";
import {
  addressesOfNode,
  addressesOfNodes,
  addressesOfService,
  nodesOfEndpoints,
  publishedAddresses,
  saysExactly,
  withoutAddresses,
} from "./load-balancer-addresses.ts";

function service(spec: Service["spec"], ingress: readonly { ip?: string; hostname?: string }[] = []): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "edge" },
    spec: spec ?? {},
    status: { loadBalancer: { ingress } },
  };
}

test("a Service of each type gives the addresses at which clients reach it", () => {
  const externalIPs = ["198.51.100.7"];
  const clusterIP = "10.0.0.1";
  const lb = [{ hostname: "lb.example" }, { ip: "192.0.2.1" }];
  const cases: [Service, readonly object[]][] = [
    [service({ type: "LoadBalancer", clusterIP }, lb), [{ ip: "192.0.2.1" }, { hostname: "lb.example" }]],
    [
      service({ type: "LoadBalancer", clusterIP, externalIPs }, lb.slice(1)),
      [{ ip: "192.0.2.1" }, { ip: "198.51.100.7" }],
    ],
    [service({ type: "LoadBalancer", clusterIP }), []],
    [service({ type: "NodePort", clusterIP, externalIPs }), [{ ip: "198.51.100.7" }]],
    [service({ type: "NodePort", clusterIP }), [{ ip: clusterIP }]],
    [service({ clusterIP }), [{ ip: clusterIP }]],
    [service({ clusterIP: "None" }), []],
    [service({ type: "ExternalName", externalName: "edge.example" }), [{ hostname: "edge.example" }]],
  ];
  for (const [from, expected] of cases) assert.deepEqual(addressesOfService(from), expected);
});

test("fixed addresses are IP addresses or host names, each once, in one order", () => {
  assert.deepEqual(publishedAddresses(["edge.example", "2001:db8::1", "192.0.2.1", "192.0.2.1"]), [
    { ip: "192.0.2.1" },
    { ip: "2001:db8::1" },
    { hostname: "edge.example" },
  ]);
});

test("nodes count while an endpoint on them takes requests", () => {
  const slice = (of: string, endpoints: EndpointSlice["endpoints"]): EndpointSlice => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "x", labels: { "kubernetes.io/service-name": of } },
    addressType: "IPv4",
    endpoints: endpoints ?? [],
  });
  const nodes = nodesOfEndpoints(
    [
      slice("edge", [
        { addresses: ["10.0.0.2"], nodeName: "b", conditions: { ready: true } },
        { addresses: ["10.0.0.3"], nodeName: "a" },
        { addresses: ["10.0.0.4"], nodeName: "c", conditions: { ready: false } },
        { addresses: ["10.0.0.5"] },
      ]),
      slice("other", [{ addresses: ["10.0.0.6"], nodeName: "d" }]),
    ],
    "edge",
  );
  assert.deepEqual(nodes, ["a", "b"]);
});

test("a node gives its external addresses, or else its internal ones, one of a family", () => {
  const node = (...addresses: [string, string][]): object => ({
    status: { addresses: addresses.map(([type, address]) => ({ type, address })) },
  });
  const internal: [string, string] = ["InternalIP", "10.0.0.1"];
  assert.deepEqual(addressesOfNode(node(internal, ["Hostname", "a"], ["ExternalIP", "192.0.2.1"])), ["192.0.2.1"]);
  assert.deepEqual(addressesOfNode(node(internal, ["InternalIP", "fd00::1"], ["InternalIP", "10.9.9.9"])), [
    "10.0.0.1",
    "fd00::1",
  ]);
  for (const broken of [null, {}, { status: { addresses: [7, null, { type: "InternalIP", address: "x" }] } }]) {
    assert.deepEqual(addressesOfNode(broken), []);
  }
  assert.equal(addressesOfNodes(Array.from({ length: 300 }, (_, n) => [`10.1.${n >> 8}.${n & 255}`])).length, 100);
});

test("order and ports make no difference; one address more or less does", () => {
  const wanted = publishedAddresses(["192.0.2.1", "edge.example"]);
  const ports = [{ port: 80 }];
  assert.ok(saysExactly({ ingress: [{ hostname: "edge.example" }, { ip: "192.0.2.1", ports }] }, wanted));
  assert.ok(!saysExactly({ ingress: [{ ip: "192.0.2.1" }] }, wanted));
  assert.ok(!saysExactly({ ingress: [...wanted, { ip: "192.0.2.2" }] }, wanted));
  assert.ok(saysExactly(undefined, []));
});

test("taking ours away leaves what others wrote", () => {
  const ours = publishedAddresses(["192.0.2.1"]);
  const theirs = { ip: "198.51.100.1", ports: [{ port: 80 }] };
  assert.deepEqual(withoutAddresses({ ingress: [{ ip: "192.0.2.1" }, theirs] }, ours), [theirs]);
  assert.equal(withoutAddresses({ ingress: [theirs] }, ours), null);
});
