// TLS of Ingress on a cluster: certificates from Secrets, their rotation, and the default certificate.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createTestCertificate } from "../../support/certificates.ts";
import { getObject } from "../support/api.ts";
import { LoadGenerator, assertNoFailures } from "../support/load-generator.ts";
import { namespaceFor } from "../support/namespace.ts";
import { DEFAULT_CERTIFICATE_SECRET, SHARED_RELEASE } from "../support/release.ts";

const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256;

test("a certificate comes from its Secret, and a new one is served under load without a failure", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const host = namespace.host("secure");
  const [before, after] = [1, 2].map(() => createTestCertificate({ commonName: host, dnsNames: [host] }));
  await namespace.applyTlsSecret("cert", before!);
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] }, tls: [{ hosts: [host], secretName: "cert" }] });
  const ask = { host, scheme: "https" } as const;
  await namespace.requestUntil(ask, (answer) => {
    return answer.status === 200 && answer.fingerprint === fingerprintOf(before!.chainPem);
  });
  // A client that verifies is content as well.
  const verified = await namespace.request({ ...ask, ca: before!.chainPem });
  assert.equal(verified.echo().headers["x-forwarded-proto"], "https");

  const load = new LoadGenerator({ target: namespace.target, host, scheme: "https", ratePerSecond: 30 });
  await load.afterMore(30);
  await namespace.applyTlsSecret("cert", after!);
  await namespace.requestUntil(ask, ({ fingerprint }) => fingerprint === fingerprintOf(after!.chainPem));
  await load.afterMore(30);
  assertNoFailures(await load.stop(), 60);
});

test("names without a certificate get the default one, and so does an Ingress whose Secret comes late", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const secret = await getObject({
    apiVersion: "v1",
    kind: "Secret",
    namespace: SHARED_RELEASE.namespace,
    name: DEFAULT_CERTIFICATE_SECRET,
  });
  const { "tls.crt": encoded = "" } = (secret?.["data"] ?? {}) as Readonly<Record<string, string>>;
  const defaultFingerprint = fingerprintOf(Buffer.from(encoded, "base64").toString());

  const unknown = await namespace.request({ host: namespace.host("unknown"), scheme: "https" });
  assert.equal(unknown.fingerprint, defaultFingerprint);
  const nameless = await namespace.request({ host: namespace.host("unknown"), scheme: "https", servername: "" });
  assert.equal(nameless.fingerprint, defaultFingerprint);

  const host = namespace.host("late");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] }, tls: [{ hosts: [host], secretName: "late" }] });
  const ask = { host, scheme: "https" } as const;
  await namespace.requestUntil(ask, ({ status, fingerprint }) => status === 200 && fingerprint === defaultFingerprint);
  const certificate = createTestCertificate({ commonName: host, dnsNames: [host] });
  await namespace.applyTlsSecret("late", certificate);
  await namespace.requestUntil(ask, ({ fingerprint }) => fingerprint === fingerprintOf(certificate.chainPem));

  await namespace.delete("Secret", "late");
  await namespace.requestUntil(ask, ({ status, fingerprint }) => status === 200 && fingerprint === defaultFingerprint);
});
