import assert from "node:assert/strict";
import { test } from "node:test";
import { addressError, anyAddressError, isLoopback, looksLikeAddress, specialAddressError } from "./address-rules.ts";

const FAMILIES: readonly (readonly [string, "IPv4" | "IPv6", string | null])[] = [
  ["10.0.0.1", "IPv4", null],
  ["2001:db8::1", "IPv6", null],
  ["10.0.0.1", "IPv6", "must be a valid IPv6 address"],
  ["2001:db8::1", "IPv4", "must be a valid IPv4 address"],
  ["", "IPv4", "must be a valid IPv4 address"],
  ["10.0.0", "IPv4", "must be a valid IPv4 address"],
  ["10.0.0.256", "IPv4", "must be a valid IPv4 address"],
  ["10.0.0.010", "IPv4", "must not have leading 0s"],
  ["0x0a.0.0.1", "IPv4", "must be a valid IPv4 address"],
  ["10.0.0.1 ", "IPv4", "must be a valid IPv4 address"],
  ["fe80::1%eth0", "IPv6", "must be a valid IPv6 address"],
  ["::ffff:10.0.0.1", "IPv6", "must not be an IPv4-mapped IPv6 address"],
];

for (const [address, family, expected] of FAMILIES) {
  test(`${JSON.stringify(address)} as ${family}: ${expected ?? "accepted"}`, () => {
    assert.equal(addressError(address, family), expected);
  });
}

test("either family will do where none is asked for", () => {
  assert.equal(anyAddressError("10.0.0.1"), null);
  assert.equal(anyAddressError("::1"), null);
  assert.match(anyAddressError("web") ?? "", /^must be a valid IP address, \(e\.g\. 10\.9\.8\.7/);
});

test("a host with leading zeros is an address too", () => {
  assert.equal(looksLikeAddress("010.000.0.1"), true);
  assert.equal(looksLikeAddress("10.0.0.1.example"), false);
  assert.equal(looksLikeAddress("1".repeat(100_000)), false);
});

test("ranges that no endpoint may be in", () => {
  assert.match(specialAddressError("0.0.0.0") ?? "", /unspecified/);
  assert.match(specialAddressError("::") ?? "", /unspecified/);
  assert.match(specialAddressError("169.254.169.254") ?? "", /link-local range/);
  assert.match(specialAddressError("fe80::1") ?? "", /link-local range/);
  assert.match(specialAddressError("224.0.0.1") ?? "", /multicast/);
  assert.equal(specialAddressError("127.0.0.1"), null);
  assert.equal(specialAddressError("192.168.1.1"), null);
});

test("loopback is known in both families", () => {
  assert.deepEqual(["127.0.0.1", "127.1.2.3", "::1", "10.0.0.1", "x"].map(isLoopback), [
    true,
    true,
    true,
    false,
    false,
  ]);
});
