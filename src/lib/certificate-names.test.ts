import assert from "node:assert/strict";
import test from "node:test";
import { readAltNames, readCertificateNames } from "./certificate-names.ts";

test("names and addresses are read from the text form of subject alternative names", () => {
  assert.deepEqual(
    readAltNames("DNS:A.example, IP Address:10.0.0.1, DNS:*.b.example, IP Address:2001:DB8:0:0:0:0:0:1"),
    {
      dnsNames: ["a.example", "*.b.example"],
      addresses: ["10.0.0.1", "2001:DB8:0:0:0:0:0:1"],
    },
  );
  assert.deepEqual(readAltNames("email:a@b.example, URI:https://c.example/"), { dnsNames: [], addresses: [] });
  for (const text of ["", "nonsense", ":", "DNS"]) {
    assert.deepEqual(readAltNames(text), { dnsNames: [], addresses: [] }, text);
  }
});

test("a quoted value cannot smuggle in a name (CVE-2021-44532)", () => {
  const dnsNamesOf = (text: string): readonly string[] => readAltNames(text).dnsNames;
  assert.deepEqual(dnsNamesOf('DNS:"x, DNS:bank.example", DNS:a.example'), ["a.example"]);
  assert.deepEqual(dnsNamesOf(String.raw`URI:"http://x/\", DNS:bank.example", DNS:a.example`), ["a.example"]);
  assert.deepEqual(dnsNamesOf('DNS:"x, DNS:bank.example'), []);
  assert.deepEqual(dnsNamesOf('othername:"x"DNS:bank.example'), []);
  assert.deepEqual(readAltNames('DNS:"x, IP Address:10.0.0.1"').addresses, []);
});

test("the common name stands in only where there is no alternative of any kind", () => {
  const subject = "O=Shop\nCN=Old.example";
  assert.deepEqual(readCertificateNames({ subject, subjectAltName: undefined }).dnsNames, ["old.example"]);
  assert.deepEqual(readCertificateNames({ subject, subjectAltName: "DNS:new.example" }).dnsNames, ["new.example"]);
  assert.deepEqual(readCertificateNames({ subject, subjectAltName: "email:a@b.example" }).dnsNames, []);
});

test("of several common names the most specific counts, wherever it stands among the other attributes", () => {
  const namesOf = (subject: string): readonly string[] =>
    readCertificateNames({ subject, subjectAltName: undefined }).dnsNames;
  assert.deepEqual(namesOf("CN=first.example\nCN=second.example\nOU=last"), ["second.example"]);
  assert.deepEqual(namesOf("O=nothing"), []);
  assert.deepEqual(namesOf(""), []);
});
