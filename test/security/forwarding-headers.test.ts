// What upstreams learn of a client is what the proxy saw, not what the client says: a running `penstock serve`, with an
// upstream that records the bytes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exchangeRaw, RawClient } from "../support/raw-client.ts";
import { headersFrame, RawHttp2, requestPairs } from "../support/raw-http2.ts";
import { RecordingSite } from "../support/recording-site.ts";

const HOST = "client.example";
const ROUTES = [{ host: HOST, path: "/", upstream: "app" }];
const FORGED: readonly (readonly [name: string, value: string])[] = [
  ["X-Forwarded-For", "6.6.6.6, 10.0.0.1"],
  ["x-forwarded-for", "6.6.6.7"],
  ["X_Forwarded_For", "6.6.6.6"],
  ["X-Forwarded_For", "6.6.6.6"],
  ["X-Forwarded-Proto", "gopher"],
  ["X_Forwarded_Proto", "gopher"],
  ["X-Forwarded-Host", "evil.example"],
  ["X-Forwarded-Port", "6666"],
  ["X-Real-IP", "6.6.6.6"],
  ["X_Real_IP", "6.6.6.6"],
  ["Forwarded", "for=6.6.6.6;host=evil.example"],
  ["X-Request-ID", "forged-id"],
];
const FORGED_LINES = FORGED.map(([name, value]) => `${name}: ${value}\r\n`).join("");
const ANYTHING_FORGED = /6\.6\.6|gopher|evil|6666|forged|x_forwarded|x_real|x-forwarded_/i;

function valuesOf(received: string, name: string): string[] {
  const lines = received.split("\r\n").filter((line) => line.toLowerCase().startsWith(`${name}:`));
  return lines.map((line) => line.slice(name.length + 1).trim());
}

test("HTTP/1.1: a stranger's forwarding headers are replaced, even where Connection names ours", async (t) => {
  const site = await RecordingSite.start(t, { routes: ROUTES });
  for (const connection of ["close", "close, X-Forwarded-For, X-Forwarded-Proto, X-Real-IP, Host"]) {
    const head = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n${FORGED_LINES}Connection: ${connection}\r\n\r\n`;
    assert.match(await exchangeRaw(site.httpPort, head), /^HTTP\/1\.1 200 OK\r\n/);
    const received = site.takeReceived("app");
    assert.doesNotMatch(received, ANYTHING_FORGED);
    assert.deepEqual(valuesOf(received, "host"), [HOST]);
    assert.deepEqual(valuesOf(received, "x-forwarded-for"), ["127.0.0.1"]);
    assert.deepEqual(valuesOf(received, "x-real-ip"), ["127.0.0.1"]);
    assert.deepEqual(valuesOf(received, "x-forwarded-proto"), ["http"]);
    assert.deepEqual(valuesOf(received, "x-forwarded-host"), [HOST]);
    assert.deepEqual(valuesOf(received, "x-forwarded-port"), ["80"]);
    assert.equal(valuesOf(received, "x-request-id").length, 1);
  }
});

test("over TLS the upstream learns of https, on HTTP/1.1 and HTTP/2, whatever the client says", async (t) => {
  const site = await RecordingSite.start(t, { routes: ROUTES, secureHosts: [HOST] });
  const first = new RawClient(await site.connectTls(HOST, "http/1.1"));
  first.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n${FORGED_LINES}Connection: close\r\n\r\n`);
  await first.untilEnd();
  first.close();
  const seen = [site.takeReceived("app")];

  const second = new RawHttp2(await site.connectTls(HOST, "h2"));
  t.after(() => second.destroy());
  second.start();
  const lines = FORGED.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  second.send(headersFrame(1, requestPairs({ ":scheme": "https", ":authority": HOST }, lines)));
  assert.equal((await second.responseOf(1)).status, 200);
  seen.push(site.takeReceived("app"));

  for (const received of seen) {
    assert.doesNotMatch(received, ANYTHING_FORGED);
    assert.deepEqual(valuesOf(received, "x-forwarded-for"), ["127.0.0.1"]);
    assert.deepEqual(valuesOf(received, "x-forwarded-proto"), ["https"]);
    assert.deepEqual(valuesOf(received, "x-forwarded-host"), [HOST]);
    assert.deepEqual(valuesOf(received, "x-forwarded-port"), ["443"]);
  }
});

test("a trusted proxy's forwarding headers are kept and added to; underscore spellings are dropped all the same", async (t) => {
  const site = await RecordingSite.start(t, { routes: ROUTES, flags: { "trusted-proxies": "127.0.0.0/8" } });
  const head =
    `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-Forwarded-For: 192.0.2.7\r\nX_Forwarded_For: 6.6.6.6\r\n` +
    "X-Forwarded-Proto: https\r\nX-Request-ID: from-outside\r\nConnection: close, X-Forwarded-For\r\n\r\n";
  assert.match(await exchangeRaw(site.httpPort, head), /^HTTP\/1\.1 200 OK\r\n/);
  const received = site.takeReceived("app");
  assert.doesNotMatch(received, ANYTHING_FORGED);
  assert.deepEqual(valuesOf(received, "x-forwarded-for"), ["192.0.2.7, 127.0.0.1"]);
  assert.deepEqual(valuesOf(received, "x-forwarded-proto"), ["https"]);
  assert.deepEqual(valuesOf(received, "x-request-id"), ["from-outside"]);
});
