// Counting what refers to Secrets, against counting anew.
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { SecretReferences } from "./secret-references.ts";

const named = (name: string): { namespace: string; name: string } => ({ namespace: "shop", name });

it("says which Secret gains its first reference and which loses its last", () => {
  const references = new SecretReferences([named("fixed")]);
  assert.deepEqual(references.set("Ingress a", [named("x"), named("x"), named("fixed")]), {
    gained: ["shop/x"],
    lost: [],
  });
  assert.deepEqual(references.set("Ingress b", [named("x")]), { gained: [], lost: [] });
  assert.deepEqual(references.set("Ingress a", [named("y")]), { gained: ["shop/y"], lost: [] });
  assert.deepEqual(references.set("Ingress b", []), { gained: [], lost: ["shop/x"] });
  assert.deepEqual([...references.keys()].toSorted(), ["shop/fixed", "shop/y"]);
});

it("knows after any changes exactly what is referred to", () => {
  const owner = fc.constantFrom("a", "b", "c");
  const secrets = fc.array(fc.constantFrom("x", "y", "z"), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(fc.tuple(owner, secrets), { maxLength: 20 }), (changes) => {
      const references = new SecretReferences([]);
      const now = new Map<string, readonly string[]>();
      const told = new Set<string>();
      for (const [name, list] of changes) {
        now.set(name, list);
        const { gained, lost } = references.set(name, list.map(named));
        for (const key of gained) told.add(key);
        for (const key of lost) told.delete(key);
      }
      const expected = new Set([...now.values()].flat().map((name) => `shop/${name}`));
      assert.deepEqual(new Set(references.keys()), expected);
      assert.deepEqual(told, expected);
    }),
  );
});
