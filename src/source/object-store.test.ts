import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectChange, StoreChange } from "./object-store.ts";
import { ObjectStore } from "./object-store.ts";
import type { EndpointSlice, Service, WatchedObject } from "./object-types.ts";

function service(name: string, port = 80): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "shop" }, spec: { ports: [{ port }] } };
}

function slice(name: string, address: string): EndpointSlice {
  const metadata = { name, namespace: "shop" };
  const endpoints = [{ addresses: [address] }];
  return { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata, addressType: "IPv4", endpoints };
}

function upsert(object: WatchedObject, line = 1): ObjectChange {
  return { type: "upsert", object, location: { file: "a.yaml", document: 1, line } };
}

function remove(kind: string, name: string): ObjectChange {
  return { type: "delete", ref: { kind, namespace: "shop", name } };
}

function recordingStore(): { store: ObjectStore; changes: StoreChange[] } {
  const store = new ObjectStore();
  const changes: StoreChange[] = [];
  store.subscribe((change) => changes.push(change));
  return { store, changes };
}

test("objects are found by kind, namespace and name", () => {
  const { store } = recordingStore();
  store.apply([upsert(service("cart"))]);
  assert.equal(store.get({ kind: "Service", namespace: "shop", name: "cart" })?.spec?.ports?.[0]?.port, 80);
  assert.equal(store.get({ kind: "Service", namespace: "other", name: "cart" }), null);
  assert.equal(store.get({ kind: "ConfigMap", namespace: "shop", name: "cart" }), null);
});

test("cluster-scoped objects have an empty namespace", () => {
  const { store } = recordingStore();
  const object: WatchedObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
  store.apply([upsert(object)]);
  assert.equal(store.get({ kind: "Namespace", namespace: "", name: "shop" })?.metadata.name, "shop");
});

test("objects are frozen to the last leaf", () => {
  const { store } = recordingStore();
  store.apply([upsert(service("cart"))]);
  const stored = store.get({ kind: "Service", namespace: "shop", name: "cart" });
  assert.ok(Object.isFrozen(stored));
  assert.ok(Object.isFrozen(stored?.spec?.ports?.[0]));
});

test("an equal object keeps the identity of the first and is no change, but its new place is known", () => {
  const { store, changes } = recordingStore();
  store.apply([upsert(service("cart"), 1)]);
  const first = store.get({ kind: "Service", namespace: "shop", name: "cart" });
  const world = store.world();
  store.apply([upsert(service("cart"), 9)]);
  assert.equal(store.get({ kind: "Service", namespace: "shop", name: "cart" }), first);
  assert.equal(store.world(), world);
  assert.equal(changes.length, 1);
  assert.equal(store.locationOf({ kind: "Service", namespace: "shop", name: "cart" })?.line, 9);
});

test("deleted and brought back in one batch is no change", () => {
  const { store, changes } = recordingStore();
  store.apply([upsert(service("cart"))]);
  const first = store.get({ kind: "Service", namespace: "shop", name: "cart" });
  store.apply([remove("Service", "cart"), upsert(service("cart"))]);
  assert.equal(store.get({ kind: "Service", namespace: "shop", name: "cart" }), first);
  assert.equal(changes.length, 1);
});

test("a batch is told of once, with the kinds that it changed", () => {
  const { store, changes } = recordingStore();
  store.apply([upsert(service("cart")), upsert(service("pay")), upsert(slice("cart-1", "10.0.0.1"))]);
  assert.equal(changes.length, 1);
  assert.deepEqual([...(changes[0]?.kinds ?? [])].toSorted(), ["EndpointSlice", "Service"]);
});

test("listeners see the world as it is after the batch", () => {
  const store = new ObjectStore();
  let seen = 0;
  store.subscribe(() => (seen = store.world().services.length));
  store.apply([upsert(service("cart")), upsert(service("pay"))]);
  assert.equal(seen, 2);
});

test("changed slices are handed over as they are, deleted ones as they were", () => {
  const { store, changes } = recordingStore();
  store.apply([upsert(slice("a", "10.0.0.1")), upsert(slice("b", "10.0.0.2")), upsert(slice("c", "10.0.0.3"))]);
  store.apply([upsert(slice("a", "10.0.0.9")), remove("EndpointSlice", "b"), upsert(slice("c", "10.0.0.3"))]);
  const change = changes[1];
  assert.deepEqual([...(change?.kinds ?? [])], ["EndpointSlice"]);
  assert.deepEqual(
    change?.endpointSlices.changed.map(({ metadata, endpoints }) => [metadata.name, endpoints?.[0]?.addresses[0]]),
    [["a", "10.0.0.9"]],
  );
  assert.deepEqual(
    change?.endpointSlices.deleted.map(({ metadata, endpoints }) => [metadata.name, endpoints?.[0]?.addresses[0]]),
    [["b", "10.0.0.2"]],
  );
});

test("the list of a kind keeps its identity while only another kind changes", () => {
  const { store } = recordingStore();
  store.apply([upsert(service("cart")), upsert(slice("a", "10.0.0.1"))]);
  const before = store.world();
  store.apply([upsert(slice("a", "10.0.0.2"))]);
  const after = store.world();
  assert.notEqual(after, before);
  assert.equal(after.services, before.services);
  assert.notEqual(after.endpointSlices, before.endpointSlices);
});

test("deleting what is not there, or is of no known kind, does nothing", () => {
  const { store, changes } = recordingStore();
  store.apply([remove("Service", "ghost"), remove("Deployment", "ghost")]);
  assert.equal(changes.length, 0);
  assert.equal(store.locationOf({ kind: "Deployment", namespace: "shop", name: "ghost" }), null);
});

test("becoming synced is told once, as a change of every kind, with all slices", () => {
  const { store, changes } = recordingStore();
  store.apply([upsert(slice("a", "10.0.0.1"))]);
  assert.equal(store.isSynced, false);
  store.markSynced();
  store.markSynced();
  assert.equal(store.isSynced, true);
  assert.equal(changes.length, 2);
  assert.equal(changes[1]?.kinds.size, 10);
  assert.deepEqual(
    changes[1]?.endpointSlices.changed.map(({ metadata }) => metadata.name),
    ["a"],
  );
});

test("an ended subscription hears nothing", () => {
  const store = new ObjectStore();
  let calls = 0;
  const end = store.subscribe(() => (calls += 1));
  end();
  store.apply([upsert(service("cart"))]);
  assert.equal(calls, 0);
});
