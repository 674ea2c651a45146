// A TLS connection that was opened for one host cannot be used to reach another (domain fronting): a running
// `penstock serve` with two hosts that have certificates of their own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RawClient } from "../support/raw-client.ts";
import { headersFrame, RawHttp2, requestPairs } from "../support/raw-http2.ts";
import { RecordingSite } from "../support/recording-site.ts";

const OPEN = "open.example";
const SECRET = "secret.example";

const SITE = {
  routes: [
    { host: OPEN, path: "/", upstream: "open" },
    { host: SECRET, path: "/", upstream: "secret" },
    { host: "plain.example", path: "/", upstream: "plain" },
  ],
  secureHosts: [OPEN, SECRET],
};

test("HTTP/1.1: a Host that differs from the server name gets 421, and the connection goes on", async (t) => {
  const site = await RecordingSite.start(t, SITE);
  const client = new RawClient(await site.connectTls(OPEN, "http/1.1"));
  t.after(() => client.close());
  for (const [host, status, expected] of [
    [OPEN, 200, "\r\n\r\nopen"],
    [SECRET, 421, "421"],
    ["SECRET.example.:443", 421, "421"],
    // It has no certificate of its own, and is no host of this one's.
    ["plain.example", 421, "421"],
    [OPEN, 200, "\r\n\r\nopen"],
  ] as const) {
    client.received = "";
    client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const answer = await client.untilText(expected);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), host);
  }
  client.received = "";
  client.write(`GET https://${SECRET}/ HTTP/1.1\r\nHost: ${SECRET}\r\n\r\n`);
  assert.match(await client.untilText("421"), /^HTTP\/1\.1 421 /, "the absolute form names the other host as well");
  assert.equal(site.takeReceived("secret") + site.takeReceived("plain"), "");
});

test("HTTP/2: an :authority that differs from the server name gets 421 on its stream alone", async (t) => {
  const site = await RecordingSite.start(t, SITE);
  const client = new RawHttp2(await site.connectTls(OPEN, "h2"));
  t.after(() => client.destroy());
  client.start();
  const ask = async (streamId: number, authority: string | null, more: [string, string][] = []): Promise<number> => {
    client.send(headersFrame(streamId, requestPairs({ ":scheme": "https", ":authority": authority }, more)));
    return (await client.responseOf(streamId)).status;
  };
  assert.equal(await ask(1, OPEN), 200);
  assert.equal(await ask(3, SECRET), 421);
  assert.equal(await ask(5, "SECRET.example:443"), 421);
  assert.equal(await ask(7, null, [["host", SECRET]]), 421);
  assert.equal(await ask(9, "plain.example"), 421);
  assert.equal(await ask(11, OPEN), 200);
  assert.equal(client.response(11).body, "open");
  assert.equal(site.takeReceived("secret") + site.takeReceived("plain"), "");
});

test("each host is served on a connection of its own name", async (t) => {
  const site = await RecordingSite.start(t, SITE);
  for (const host of [OPEN, SECRET]) {
    const client = new RawClient(await site.connectTls(host, "http/1.1"));
    client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.match(await client.untilEnd(), /^HTTP\/1\.1 200 OK\r\n/);
    client.close();
  }
});
