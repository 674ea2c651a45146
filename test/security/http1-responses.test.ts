// What an upstream may not do to the client, or to the next response on its connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startProxy } from "../support/proxy-under-test.ts";
import { exchangeRaw } from "../support/raw-client.ts";
import { answerEach, response } from "../support/scripted-origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const REFUSED: readonly [name: string, bytes: string][] = [
  ["both framings", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["equal lengths twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"],
  ["a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"],
  ["a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"],
  ["another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ["a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"],
  ["a folded header", "HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 2\r\n\r\nok"],
  ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok"],
  [
    "a bare CR in a value (response splitting)",
    "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok",
  ],
  ["NUL in a value", "HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 2\r\n\r\nok"],
  ["no status", "HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok"],
  ["a status beyond 599", "HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\nok"],
  ["another protocol", "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok"],
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
  ["endless informational responses", "HTTP/1.1 102 Processing\r\n\r\n".repeat(100)],
  ["endless headers", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(300)}\r\n`],
  ["a header without end", `HTTP/1.1 200 OK\r\nX: ${"y".repeat(100_000)}`],
];

for (const [name, bytes] of REFUSED) {
  test(`an upstream's response is refused with 502: ${name}`, async (t) => {
    const proxy = await startProxy(t, [answerEach(bytes)]);
    const received = await exchangeRaw(proxy.port, GET);
    assert.match(received.replaceAll("HTTP/1.1 102 Processing\r\n\r\n", ""), /^HTTP\/1\.1 502 Bad Gateway\r\n/);
    assert.equal((await proxy.untilLogged(1)).error?.type, "upstream-malformed");
    await proxy.origins[0]!.until((origin) => origin.connections[0]!.isClosed);
  });
}

test("chunks that break in the middle of a response break it for the client, too", async (t) => {
  const proxy = await startProxy(t, [
    answerEach("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n0\r\n\r\n"),
  ]);
  const received = await exchangeRaw(proxy.port, GET);
  assert.doesNotMatch(received, /0\r\n\r\n$/);
});

test("a response of HEAD cannot carry a body into the next response", async (t) => {
  const proxy = await startProxy(t, [
    (connection) => {
      const request = connection.received;
      connection.received = "";
      connection.socket.write(request.startsWith("HEAD") ? response("HTTP/1.1 200 OK") : response("next"));
    },
  ]);
  const received = await exchangeRaw(proxy.port, `HEAD / HTTP/1.1\r\nHost: a\r\n\r\n${GET}`);
  assert.match(received, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*next$/);
  assert.equal(proxy.origins[0]!.connections.length, 2, "the connection with surplus bytes is not used again");
});

test("data on an idle connection ends it", async (t) => {
  const proxy = await startProxy(t, [
    (connection) => {
      connection.socket.write(response("one"), () => connection.socket.write(response("injected")));
    },
  ]);
  await exchangeRaw(proxy.port, GET);
  await proxy.origins[0]!.until((origin) => origin.connections[0]!.isClosed);
  assert.match(await exchangeRaw(proxy.port, GET), /one$/);
});
