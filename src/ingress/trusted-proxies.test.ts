import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createTrustPredicate } from "./trusted-proxies.ts";

describe("trusted proxies", () => {
  const trusts = createTrustPredicate(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]);

  for (const [address, isTrusted] of [
    ["10.255.0.1", true],
    ["11.0.0.1", false],
    ["192.0.2.7", true],
    ["192.0.2.8", false],
    ["fd12::1", true],
    ["fe80::1", false],
    // Forwarding headers hold any text.
    ["", false],
    ["not an address", false],
    ["10.0.0.1:80", false],
    ["[fd12::1]", false],
    ["10.0.0.1, 10.0.0.2", false],
  ] as const) {
    test(`${JSON.stringify(address)} is ${isTrusted ? "" : "not "}one`, () => {
      assert.equal(trusts(address), isTrusted);
    });
  }

  test("are nobody by default", () => {
    assert.equal(createTrustPredicate([])("127.0.0.1"), false);
  });

  test("a range that is none is an error that names it", () => {
    assert.throws(() => createTrustPredicate(["10.0.0.0/8", "all"]), { message: '"all" is not a range of addresses' });
    assert.throws(() => createTrustPredicate(["10.0.0.0/33"]));
  });
});
