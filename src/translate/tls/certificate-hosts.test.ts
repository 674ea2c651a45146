import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { secretBytes } from "../../ir/secret-bytes.ts";
import { certificateCovers, readDnsNames } from "./certificate-hosts.ts";

test("names are lower case and sorted, the common name stands in where there are none", () => {
  assert.deepEqual(readDnsNames(certificate("shop.crt")), ["shop.example", "www.shop.example"]);
  assert.deepEqual(readDnsNames(certificate("wildcard.crt")), ["*.shop.example"]);
  assert.deepEqual(readDnsNames(certificate("common-name.crt")), ["legacy.example"]);
});

test("a certificate covers its names, a wildcard exactly one label", () => {
  const covering = {
    id: "x/y",
    chainPem: "",
    key: secretBytes(Buffer.from("")),
    dnsNames: ["*.a.example", "b.example"],
  };
  const hosts = ["x.a.example", "*.a.example", "b.example", "a.example", "y.x.a.example", "x.b.example", "*.b.example"];
  const covered = hosts.filter((host) => certificateCovers(covering, host));
  assert.deepEqual(covered, ["x.a.example", "*.a.example", "b.example"]);
});

function certificate(file: string): X509Certificate {
  return new X509Certificate(readFileSync(join(import.meta.dirname, "../testdata", "certificates", file)));
}
