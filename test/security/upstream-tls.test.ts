// Upstreams over TLS: verified, or not spoken to.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import tls from "node:tls";
import { createPeer } from "../../src/engine/upstream/peer.ts";
import { createTestCertificate, type TestCertificate } from "../support/certificates.ts";
import { type ProxyUnderTest, startProxy } from "../support/proxy-under-test.ts";
import { exchangeRaw } from "../support/raw-client.ts";
import { response } from "../support/scripted-origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

interface Setting {
  readonly shown: TestCertificate;
  readonly trusted: TestCertificate | null;
  readonly serverName: string;
}

/** A proxy whose only upstream is a TLS server that shows a certificate. */
async function startTlsUpstream(t: TestContext, setting: Setting): Promise<ProxyUnderTest> {
  const server = tls.createServer({ cert: setting.shown.chainPem, key: setting.shown.keyPem }, (socket) => {
    socket.on("data", () => socket.write(response(`name ${String(socket.servername)}`))).on("error", () => undefined);
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const caPem = setting.trusted === null ? null : setting.trusted.chainPem;
  const peer = createPeer({
    address: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    tls: { serverName: setting.serverName, caPem },
  });
  return startProxy(t, [], { phases: { upstreamPeer: () => peer } });
}

test("a trusted certificate of the right name is accepted, and the name goes out as SNI", async (t) => {
  const certificate = createTestCertificate({ dnsNames: ["backend.example"] });
  const proxy = await startTlsUpstream(t, {
    shown: certificate,
    trusted: certificate,
    serverName: "backend.example",
  });
  assert.match(await exchangeRaw(proxy.port, GET), /200 OK[^]*name backend\.example$/);
});

test("a certificate of nobody's trust, or of another name, is refused with 502", async (t) => {
  const certificate = createTestCertificate({ dnsNames: ["backend.example"] });
  const settings: readonly Setting[] = [
    { shown: certificate, trusted: null, serverName: "backend.example" },
    {
      shown: certificate,
      trusted: createTestCertificate({ dnsNames: ["backend.example"] }),
      serverName: "backend.example",
    },
    { shown: certificate, trusted: certificate, serverName: "other.example" },
  ];
  for (const setting of settings) {
    const proxy = await startTlsUpstream(t, setting);
    assert.match(await exchangeRaw(proxy.port, GET), /^HTTP\/1\.1 502 /);
    const { error } = await proxy.untilLogged(1);
    assert.equal(error?.type, "tls-failed");
  }
});

test("a trusted certificate on a brainpool curve ends the handshake, not the process", async (t) => {
  const certificate = createTestCertificate({ dnsNames: ["backend.example"], curve: "brainpoolP256r1" });
  const proxy = await startTlsUpstream(t, { shown: certificate, trusted: certificate, serverName: "backend.example" });
  assert.match(await exchangeRaw(proxy.port, GET), /^HTTP\/1\.1 502 /);
});
