import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { SliceCache, WordCache } from "./text-cache.ts";

suite("text caches", () => {
  for (const Cache of [SliceCache, WordCache]) {
    test(`${Cache.name} gives what rendering gives, whatever was asked for before`, () => {
      const cache = new Cache((text) => `<${text}>`);
      // Few characters and equal lengths: most of them meet at one place.
      const text = fc.oneof(
        fc.string({ unit: fc.constantFrom("a", "b"), minLength: 30, maxLength: 31 }),
        fc.string({ unit: "binary", maxLength: 8 }),
        fc.string({ minLength: 510, maxLength: 515 }),
      );
      fc.assert(fc.property(fc.array(text), (texts) => texts.every((one) => cache.get(one) === `<${one}>`)));
    });

    test(`${Cache.name} renders a text once, also where it comes as another string`, () => {
      let rendered = 0;
      const cache = new Cache((text) => {
        rendered += 1;
        return text.toUpperCase();
      });
      const before = rendered;
      for (let i = 0; i < 10; i += 1) cache.get(Buffer.from("Mozilla/5.0").toString("latin1"));
      assert.equal(rendered - before, 1);
    });

    test(`${Cache.name} stays bounded: after a flood of other texts an old one is rendered anew`, () => {
      let rendered = 0;
      const cache = new Cache((text) => {
        rendered += 1;
        return text;
      });
      cache.get("first");
      for (let i = 0; i < 20_000; i += 1) cache.get(`flood ${i}`);
      const before = rendered;
      cache.get("flood 3");
      assert.equal(rendered - before, 1);
    });
  }
});
