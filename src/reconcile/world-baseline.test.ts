// What the baseline remembers of a world that went through many versions is what it would know had it just begun.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { ObjectStore } from "../source/object-store.ts";
import type { Ingress, WatchedObject } from "../source/object-types.ts";
import { findDifference } from "./list-difference.ts";
import { collectReferences } from "./references.ts";
import { WorldBaseline } from "./world-baseline.ts";

const FIXED = { services: [], secrets: [{ namespace: "shop", name: "tls-0" }] };

/** A name, and the number of its Service and Secret; null: the object is deleted. */
const step = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.option(fc.nat(3)));
const oncePerName = fc.uniqueArray(step, { selector: ([name]) => name });
const batches = fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 8 });

suite("baseline of the world", () => {
  test("after any changes it knows the references of the newest objects, and no older ones", () => {
    fc.assert(
      fc.property(batches, (all) => {
        const store = new ObjectStore();
        const references = collectReferences(store.world(), FIXED);
        const baseline = new WorldBaseline(store.world(), references);
        for (const steps of all) {
          applySteps(store, steps);
          baseline.advanceTo(store.world());
        }
        const fresh = collectReferences(store.world(), FIXED);
        assert.deepEqual([...references.services].toSorted(), [...fresh.services].toSorted());
        assert.deepEqual([...references.secrets].toSorted(), [...fresh.secrets].toSorted());
        assert.equal(baseline.differsFrom(store.world()), false);
      }),
    );
  });

  test("it differs from just those worlds that hold other objects", () => {
    fc.assert(
      fc.property(batches, fc.array(step, { maxLength: 6 }), (all, steps) => {
        const store = new ObjectStore();
        for (const batch of all) applySteps(store, batch);
        const before = store.world();
        const baseline = new WorldBaseline(before, collectReferences(before, FIXED));
        applySteps(store, steps);
        const isOther = textOf(before.ingresses) !== textOf(store.world().ingresses);
        assert.equal(baseline.differsFrom(store.world()), isOther);
      }),
    );
  });
});

suite("difference of lists", () => {
  test("of a store's lists it names what changed, came and went, and nothing else", () => {
    fc.assert(
      fc.property(batches, oncePerName, (all, steps) => {
        const store = new ObjectStore();
        for (const batch of all) applySteps(store, batch);
        const before = store.world().ingresses;
        applySteps(store, steps);
        const after = store.world().ingresses;
        const { removed, added } = findDifference(before, after);
        assert.deepEqual(new Set(removed), new Set(before).difference(new Set(after)));
        assert.deepEqual(new Set(added), new Set(after).difference(new Set(before)));
      }),
    );
  });

  test("of lists in any order what it names turns one into the other", () => {
    const pool = Array.from({ length: 6 }, (_, i) => ingress(`ingress-${i}`, i));
    const list = fc.shuffledSubarray(pool);
    fc.assert(
      fc.property(list, list, (before, after) => {
        const { removed, added } = findDifference(before, after);
        const kept = before.filter((object) => !removed.includes(object));
        assert.deepEqual(new Set([...kept, ...added]), new Set(after));
        assert.equal(kept.length + added.length, after.length);
      }),
    );
  });
});

function applySteps(store: ObjectStore, steps: readonly (readonly [name: string, target: number | null])[]): void {
  store.apply(
    steps.map(([name, target]) =>
      target === null
        ? { type: "delete", ref: { kind: "Ingress", namespace: "shop", name } }
        : { type: "upsert", object: ingress(name, target), location: null },
    ),
  );
}

function ingress(name: string, target: number): Ingress {
  const backend = { service: { name: `service-${target}`, port: { number: 80 } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace: "shop" },
    spec: { rules: [{ http: { paths: [{ pathType: "Prefix", backend }] } }], tls: [{ secretName: `tls-${target}` }] },
  };
}

function textOf(objects: readonly WatchedObject[]): string {
  return JSON.stringify(objects.toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1)));
}
