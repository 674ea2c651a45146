import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { AddressFault } from "./endpoint-address.ts";
import { readAddress, readNumericName } from "./endpoint-address.ts";

suite("addresses of endpoints", () => {
  const refusedEverywhere: readonly [AddressFault, readonly string[]][] = [
    ["not an IP address", ["", "web", "127.1", "1.2.3", "01.2.3.4", "fe80::1%eth0", "::1%lo", "[::1]", "10.0.0.1/8"]],
    ["an unspecified address", ["0.0.0.0", "0.1.2.3", "::", "0::0", "64:ff9b::"]],
    ["a link-local address", ["169.254.169.254", "169.254.0.1", "fe80::1", "FEBF::1", "64:ff9b::169.254.169.254"]],
    ["a multicast or reserved address", ["224.0.0.1", "240.0.0.1", "255.255.255.255", "ff02::1", "64:ff9b::e000:1"]],
    [
      "an IPv4 address in a form of IPv6",
      ["::ffff:127.0.0.1", "::FFFF:a9fe:a9fe", "::127.0.0.1", "::7f00:1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1"],
    ],
  ];
  for (const [fault, texts] of refusedEverywhere) {
    test(`what is ${fault} is refused under either rule`, () => {
      for (const text of texts) {
        assert.deepEqual(readAddress(text, "refuse-loopback"), { address: null, fault }, text);
        assert.deepEqual(readAddress(text, "serve-loopback"), { address: null, fault }, text);
      }
    });
  }

  test("loopback is served or refused as the rule says", () => {
    for (const text of ["127.0.0.1", "127.255.255.254", "::1", "0:0::0001"]) {
      assert.equal(readAddress(text, "refuse-loopback").fault, "a loopback address", text);
      assert.equal(readAddress(text, "serve-loopback").fault, null, text);
    }
  });

  test("other addresses come back in their canonical spelling", () => {
    for (const [text, canonical] of [
      ["10.0.0.1", "10.0.0.1"],
      ["128.0.0.1", "128.0.0.1"],
      ["169.253.0.1", "169.253.0.1"],
      ["2001:DB8:0::0001", "2001:db8::1"],
      ["fd00::1", "fd00::1"],
      // Through a NAT64 gateway, as DNS64 answers.
      ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
      ["64:ff9b:0:1::1", "64:ff9b:0:1::1"],
    ] as const) {
      assert.deepEqual(readAddress(text, "refuse-loopback"), { address: canonical, fault: null }, text);
    }
  });

  test("no spelling of a refused IPv4 address gets through, whatever it is dressed as", () => {
    const refused = fc.tuple(fc.constantFrom("127.", "0.", "224."), fc.ipV4()).map(([first, rest]) => {
      return first + rest.slice(rest.indexOf(".") + 1);
    });
    const prefixes = fc.constantFrom("", "::", "::ffff:", "0:0:0:0:0:FFFF:", "::ffff:0:", "64:ff9b::", "0064:FF9B:0::");
    fc.assert(
      fc.property(refused, prefixes, (address, prefix) => {
        assert.notEqual(readAddress(prefix + address, "refuse-loopback").fault, null);
      }),
      { numRuns: 200 },
    );
  });
});

test("names of digits are read as system resolvers read them", () => {
  const loopback = ["127.1", "127.0.1", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "0177.0.0.01"];
  for (const name of loopback) assert.equal(readNumericName(name), "127.0.0.1", name);
  assert.equal(readNumericName("0"), "0.0.0.0");
  assert.equal(readNumericName("2852039166"), "169.254.169.254");
  for (const name of ["api.example", "localhost", "1.example", "1.2.3.4.5", "4294967296", ""]) {
    assert.equal(readNumericName(name), null, name);
  }
});
