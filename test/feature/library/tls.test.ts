// A TLS listener made with the library's public API alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createPeer,
  createPemIdentity,
  httpProxy,
  type ProxyHttp,
  Server,
  SessionTicketKeys,
  SniTable,
} from "../../../src/index.ts";
import { createTestCertificate } from "../../support/certificates.ts";
import { RawClient } from "../../support/raw-client.ts";
import { answerEach, response, ScriptedOrigin } from "../../support/scripted-origin.ts";

test("a proxy in a few lines serves certificates by server name", async (t) => {
  const origin = await ScriptedOrigin.start(answerEach(response("over TLS")));
  const peer = createPeer({ address: "127.0.0.1", port: origin.port });
  const proxy: ProxyHttp<null> = { newCtx: () => null, upstreamPeer: () => peer };
  const keys = new SessionTicketKeys();
  const identityFor = (name: string) =>
    createPemIdentity({ id: name, ...createTestCertificate({ dnsNames: [name] }) }, keys);
  const names = new SniTable({
    hosts: new Map([["a.example", identityFor("a.example")]]),
    fallback: identityFor("fallback.example"),
  });
  const server = new Server({
    listeners: [{ name: "https", host: "127.0.0.1", port: 0, tls: { resolve: names.resolve } }],
    application: httpProxy(proxy),
  });
  const [address] = await server.listen();
  t.after(async () => {
    await server.close();
    await origin.stop();
  });
  for (const [asked, served] of [
    ["a.example", "DNS:a.example"],
    ["b.example", "DNS:fallback.example"],
  ] as const) {
    const client = await RawClient.connectTls(address?.port ?? 0, { servername: asked, ALPNProtocols: ["http/1.1"] });
    const certificate = (
      client.socket as unknown as { getPeerCertificate(): { subjectaltname: string } }
    ).getPeerCertificate();
    assert.equal(certificate.subjectaltname, served);
    client.write(`GET / HTTP/1.1\r\nHost: ${asked}\r\nConnection: close\r\n\r\n`);
    assert.match(await client.untilEnd(), /over TLS$/);
  }
});
