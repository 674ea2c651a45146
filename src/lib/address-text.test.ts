import assert from "node:assert/strict";
import test from "node:test";
import { formatAddress, formatListenAddress } from "./address-text.ts";

test("IPv6 stands in brackets, everything else as it is", () => {
  assert.equal(formatAddress("192.0.2.1", 80), "192.0.2.1:80");
  assert.equal(formatAddress("2001:db8::1", 80), "[2001:db8::1]:80");
  assert.equal(formatAddress("shop.example", 443), "shop.example:443");
});

test("a listener on every address is its port", () => {
  assert.equal(formatListenAddress("", 8080), ":8080");
  assert.equal(formatListenAddress("::", 8080), ":8080");
  assert.equal(formatListenAddress("::1", 8080), "[::1]:8080");
  assert.equal(formatListenAddress("0.0.0.0", 8080), "0.0.0.0:8080");
});
