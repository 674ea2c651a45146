import assert from "node:assert/strict";
import { test } from "node:test";
import { hostOf } from "./authority.ts";

test("hosts are folded to lower case without port and trailing dot", () => {
  assert.equal(hostOf("Shop.Example.:443"), "shop.example");
  assert.equal(hostOf("[2001:DB8::1]:443"), "[2001:db8::1]");
  assert.equal(hostOf("a..b"), null);
  assert.equal(hostOf(".a"), null);
  assert.equal(hostOf("[::1"), null);
  assert.equal(hostOf("::1"), null);
});
