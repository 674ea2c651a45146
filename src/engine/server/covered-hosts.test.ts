import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createTestCertificate, type TestCertificateOptions } from "../../../test/support/certificates.ts";
import { CoveredHosts } from "./covered-hosts.ts";

function namesOf(options: TestCertificateOptions): CoveredHosts {
  return new CoveredHosts(new X509Certificate(createTestCertificate(options).chainPem));
}

test("an exact name covers itself, in any case of the certificate", () => {
  const names = namesOf({ dnsNames: ["Shop.Example", "other.example"] });
  assert.equal(names.covers("shop.example"), true);
  assert.equal(names.covers("other.example"), true);
  assert.equal(names.covers("www.shop.example"), false);
  assert.equal(names.covers("example"), false);
  assert.equal(names.covers(""), false);
});

test("a wildcard covers exactly one label", () => {
  const names = namesOf({ dnsNames: ["*.shop.example"] });
  assert.equal(names.covers("www.shop.example"), true);
  assert.equal(names.covers("shop.example"), false);
  assert.equal(names.covers("a.b.shop.example"), false);
  assert.equal(names.covers(".shop.example"), false);
});

test("addresses are covered in every spelling, and never by names", () => {
  const names = namesOf({ dnsNames: ["*.0.0.1"], ipAddresses: ["192.0.2.7", "2001:db8::1"] });
  assert.equal(names.covers("192.0.2.7"), true);
  assert.equal(names.covers("[2001:db8::1]"), true);
  assert.equal(names.covers("[2001:db8:0:0:0:0:0:1]"), true);
  assert.equal(names.covers("[2001:db8::2]"), false);
  assert.equal(names.covers("127.0.0.1"), false);
});

test("the common name counts only where there is nothing else", () => {
  assert.equal(namesOf({ commonName: "old.example" }).covers("old.example"), true);
  assert.equal(namesOf({ commonName: "old.example", dnsNames: ["new.example"] }).covers("old.example"), false);
});

test("a name with commas and quotes stands for nothing else", () => {
  const names = namesOf({ dnsNames: ["x, DNS:evil.example, DNS:y", 'q", DNS:evil.example, DNS:"', "good.example"] });
  assert.equal(names.covers("evil.example"), false);
  assert.equal(names.covers("good.example"), true);
});

test("names that are no host names cover nothing", () => {
  const names = namesOf({ dnsNames: ["*", "a*.shop.example", "*.*.shop.example", "w w.shop.example"] });
  for (const host of ["shop", "ab.shop.example", "a.b.shop.example", "w w.shop.example"]) {
    assert.equal(names.covers(host), false, host);
  }
});
