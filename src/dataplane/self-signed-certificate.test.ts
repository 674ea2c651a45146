// The certificate of last resort, as OpenSSL and a TLS client see it.
import assert from "node:assert/strict";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { connect, createServer } from "node:tls";
import { createSelfSignedCertificate } from "./self-signed-certificate.ts";

const OPTIONS = {
  commonName: "Penstock default certificate",
  dnsName: "penstock.invalid",
  validFrom: new Date("2026-01-02T03:04:05.678Z"),
  validTo: new Date("2027-01-02T03:04:05.678Z"),
};

describe("the self-signed certificate", () => {
  it("says who it is, for which name and how long", () => {
    const { chainPem, keyPem } = createSelfSignedCertificate(OPTIONS);
    const certificate = new X509Certificate(chainPem);
    assert.equal(certificate.subject, "CN=Penstock default certificate");
    assert.equal(certificate.issuer, certificate.subject);
    assert.equal(certificate.subjectAltName, "DNS:penstock.invalid");
    assert.equal(certificate.ca, false);
    assert.equal(certificate.validFromDate.toISOString(), "2026-01-02T03:04:05.000Z");
    assert.equal(certificate.validToDate.toISOString(), "2027-01-02T03:04:05.000Z");
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    assert.ok(certificate.checkPrivateKey(createPrivateKey(keyPem)));
    assert.ok(certificate.verify(certificate.publicKey));
  });

  it("writes years from 2050 on in four digits", () => {
    const { chainPem } = createSelfSignedCertificate({ ...OPTIONS, validTo: new Date("2051-06-07T08:09:10Z") });
    assert.equal(new X509Certificate(chainPem).validToDate.toISOString(), "2051-06-07T08:09:10.000Z");
  });

  it("is another one each time", () => {
    const serials = Array.from({ length: 20 }, () => {
      const { chainPem } = createSelfSignedCertificate(OPTIONS);
      return new X509Certificate(chainPem).serialNumber;
    });
    assert.equal(new Set(serials).size, serials.length);
    for (const serial of serials) assert.equal(serial.length, 32);
  });

  it("serves a handshake that a client who trusts it accepts", async (context) => {
    const now = Date.now();
    const { chainPem, keyPem } = createSelfSignedCertificate({
      ...OPTIONS,
      validFrom: new Date(now - 60_000),
      validTo: new Date(now + 60_000),
    });
    const server = createServer({ cert: chainPem, key: keyPem }, (socket) => socket.end("hello"));
    context.after(() => server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect({ port, host: "127.0.0.1", servername: OPTIONS.dnsName, ca: chainPem });
    const [data] = (await once(client, "data")) as [Buffer];
    assert.equal(data.toString(), "hello");
    assert.equal(client.authorized, true);
    client.destroy();
  });
});
