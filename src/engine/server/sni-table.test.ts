import assert from "node:assert/strict";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { SniTable } from "./sni-table.ts";
import type { TlsIdentity } from "./tls-identity.ts";

function identity(id: string): TlsIdentity {
  return { id, context: createSecureContext({ ca: [] }), covers: () => true };
}

test("exact names go before wildcards of one label, those before the fallback", () => {
  const hosts = new Map([
    ["shop.example", identity("exact")],
    ["*.shop.example", identity("wildcard")],
    ["api.shop.example", identity("more exact")],
  ]);
  const { resolve } = new SniTable({ hosts, fallback: identity("fallback") });
  const expected = {
    "shop.example": "exact",
    "api.shop.example": "more exact",
    "www.shop.example": "wildcard",
    "a.www.shop.example": "fallback",
    example: "fallback",
    ".shop.example": "fallback",
    "": "fallback",
  };
  for (const [name, id] of Object.entries(expected)) assert.equal(resolve(name).id, id, name);
});

test("a swap changes the whole table at once, for the resolver that was given away before", () => {
  const table = new SniTable({ hosts: new Map([["a", identity("old")]]), fallback: identity("old fallback") });
  const { resolve } = table;
  table.swap({ hosts: new Map([["b", identity("new")]]), fallback: identity("new fallback") });
  assert.equal(resolve("a").id, "new fallback");
  assert.equal(resolve("b").id, "new");
});
