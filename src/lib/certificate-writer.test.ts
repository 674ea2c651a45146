// Authorities and what they sign, as OpenSSL sees them.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { createCertificate } from "./certificate-writer.ts";

const VALIDITY = { validFrom: new Date("2026-01-02T03:04:05Z"), validTo: new Date("2036-01-02T03:04:05Z") };
const AUTHORITY = { ...VALIDITY, commonName: "hooks authority 7", dnsNames: null, issuer: null };

describe("the certificate writer", () => {
  it("makes an authority that signs itself and may sign others", () => {
    const certificate = new X509Certificate(createCertificate(AUTHORITY).certificatePem);
    assert.equal(certificate.ca, true);
    assert.equal(certificate.subjectAltName, undefined);
    assert.ok(certificate.checkIssued(certificate));
    assert.ok(certificate.verify(certificate.publicKey));
  });

  it("makes a server certificate that its authority, and no other one, has signed", () => {
    const authority = createCertificate(AUTHORITY);
    const dnsNames = ["hook.ns.svc", "hook.ns.svc.cluster.local"];
    const leaf = new X509Certificate(
      createCertificate({ ...VALIDITY, commonName: "hook", dnsNames, issuer: authority }).certificatePem,
    );
    assert.equal(leaf.ca, false);
    assert.equal(leaf.subject, "CN=hook");
    assert.equal(leaf.issuer, "CN=hooks authority 7");
    assert.equal(leaf.subjectAltName, "DNS:hook.ns.svc, DNS:hook.ns.svc.cluster.local");
    assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    const issuer = new X509Certificate(authority.certificatePem);
    assert.ok(leaf.checkIssued(issuer));
    assert.ok(leaf.verify(issuer.publicKey));
    // Of the same name, but with another key: the key identifiers tell them apart before the signature does.
    const namesake = new X509Certificate(createCertificate(AUTHORITY).certificatePem);
    assert.equal(leaf.checkIssued(namesake), false);
    assert.equal(leaf.verify(namesake.publicKey), false);
  });
});
