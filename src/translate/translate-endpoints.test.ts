import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { NamespacedName } from "../ir/names.ts";
import type { EndpointSlice } from "../source/object-types.ts";
import { serviceOfSlice } from "./endpoints/endpoint-slices.ts";
import { translateEndpoints } from "./translate-endpoints.ts";
import { translate } from "./translate.ts";
import { endpointSlice, objects, OPTIONS, worldOf } from "./worlds.test.ts";
import type { LooseObject } from "./worlds.test.ts";

test("after a change of EndpointSlices the fast lane and a full translation say the same", () => {
  fc.assert(
    fc.property(objects, fc.array(endpointSlice, { maxLength: 6 }), (list, slices) => {
      const before = translate(worldOf(list), OPTIONS);
      const changed = [...list.filter(({ kind }) => kind !== "EndpointSlice"), ...slices];
      const world = worldOf(changed);
      const old = list.filter(({ kind }) => kind === "EndpointSlice");
      const update = translateEndpoints(before, world, servicesOf([...old, ...slices]), OPTIONS);
      assert.deepEqual(update.result, translate(world, OPTIONS));
      const previous = new Map(before.endpoints.map((set) => [set.upstream, set]));
      for (const set of update.result.endpoints) {
        const before_ = previous.get(set.upstream);
        assert.equal(
          set === before_,
          JSON.stringify(set) === JSON.stringify(before_),
          "equal sets are the same object",
        );
      }
      assert.ok(update.sets.every((set) => update.result.endpoints.includes(set)));
    }),
    { numRuns: 400 },
  );
});

test("Services that are not named keep their endpoints, and routes are the same objects", () => {
  const world = worldOf([
    ingress("a"),
    ingress("b"),
    service("a"),
    service("b"),
    slice("a", "10.0.0.1"),
    slice("b", "10.0.0.1"),
  ]);
  const before = translate(world, OPTIONS);
  const moved = worldOf([service("a"), service("b"), slice("a", "10.0.0.2"), slice("b", "10.0.0.2")]);
  const { sets, result } = translateEndpoints(before, moved, [{ namespace: "x", name: "a" }], OPTIONS);
  assert.deepEqual(
    sets.map(({ upstream, endpoints }) => [upstream, endpoints[0]?.address]),
    [["x/a/80", "10.0.0.2"]],
  );
  assert.equal(result.endpoints[1], before.endpoints[1]);
  assert.equal(result.routeTable, before.routeTable);
});

test("what was wrong with endpoints is no longer said once it is right", () => {
  const before = translate(worldOf([ingress("a"), service("a")]), OPTIONS);
  assert.deepEqual(
    before.diagnostics.map(({ reason }) => reason),
    ["EndpointSliceMissing"],
  );
  const world = worldOf([service("a"), slice("a", "10.0.0.1")]);
  const { result } = translateEndpoints(before, world, [{ namespace: "x", name: "a" }], OPTIONS);
  assert.deepEqual(result.diagnostics, []);
});

test("a slice that names no Service belongs to none", () => {
  assert.deepEqual(serviceOfSlice(slice("a", "10.0.0.1") as unknown as EndpointSlice), { namespace: "x", name: "a" });
  const bare = { kind: "EndpointSlice", metadata: { namespace: "x", name: "bare" } };
  assert.equal(serviceOfSlice(bare as unknown as EndpointSlice), null);
});

function servicesOf(slices: readonly LooseObject[]): readonly NamespacedName[] {
  return slices.map((loose) => serviceOfSlice(loose as unknown as EndpointSlice)).filter((name) => name !== null);
}

function ingress(name: string): LooseObject {
  const backend = { service: { name, port: { number: 80 } } };
  const rules = [{ host: `${name}.example`, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }];
  return { kind: "Ingress", metadata: { namespace: "x", name }, spec: { rules } };
}

function service(name: string): LooseObject {
  return { kind: "Service", metadata: { namespace: "x", name }, spec: { ports: [{ port: 80 }] } };
}

function slice(service_: string, address: string): LooseObject {
  const labels = { "kubernetes.io/service-name": service_ };
  return {
    kind: "EndpointSlice",
    metadata: { namespace: "x", name: service_, labels },
    addressType: "IPv4",
    ports: [{ port: 8080 }],
    endpoints: [{ addresses: [address] }],
  };
}
