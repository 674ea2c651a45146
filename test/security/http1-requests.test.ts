// Request smuggling and its relatives on HTTP/1: what a client may not do to the one behind it, or to the upstream.
// Every case is written byte for byte; the upstream records what reaches it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startProxy } from "../support/proxy-under-test.ts";
import { exchangeRaw, RawClient } from "../support/raw-client.ts";
import { answerEach, response } from "../support/scripted-origin.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/** Refused with 400, the connection closed, and nothing reaches the upstream. */
const REFUSED: readonly [name: string, bytes: string][] = [
  [
    "CL.TE: both framings",
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "TE.CL: both framings, the other way round",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5c\r\n${SMUGGLED}\r\n0\r\n\r\n`,
  ],
  [
    "TE.TE: two codings, one of them garbled",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "TE.TE: a coding garbled by a space",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "TE.TE: a coding garbled by a tab",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "TE.TE: a coding garbled by a vertical tab",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "TE.TE: a coding garbled by NUL",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "TE.TE: a coding in a folded line",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "TE.0: another coding",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  ["TE in HTTP/1.0", `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["equal lengths twice", `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ["different lengths", `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 36\r\n\r\n${SMUGGLED}`],
  ["a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"],
  ["a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"],
  ["a hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello"],
  ["a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello"],
  ["a length with underscore instead of dash cannot frame", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n"],
  ["a header hidden behind a bare LF", `GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 36\r\n\r\n${SMUGGLED}`],
  ["a header hidden behind a bare CR", `GET / HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 36\r\n\r\n${SMUGGLED}`],
  ["lines that end in LF only", "GET / HTTP/1.1\nHost: a\n\n"],
  ["a folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"],
  ["HTTP/2.0 in a request line", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
  ["HTTP/1.9", "GET / HTTP/1.9\r\nHost: a\r\n\r\n"],
  ["HTTP/0.9", "GET /\r\n"],
  ["no Host", "GET / HTTP/1.1\r\n\r\n"],
  ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
  ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/x\r\n\r\n"],
  ["an absolute target of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a byte above ASCII in the target", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"],
];

for (const [name, bytes] of REFUSED) {
  test(`refused with 400 and closed: ${name}`, async (t) => {
    const proxy = await startProxy(t, [answerEach(response("ok"))]);
    const received = await exchangeRaw(proxy.port, bytes);
    assert.match(received, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\nConnection: close\r\n/);
    assert.equal(received.match(/HTTP\/1\.1 \d/g)?.length, 1, "one answer only");
    assert.equal(proxy.origins[0]!.received, "");
  });
}

const BROKEN_CHUNKS: readonly [name: string, body: string][] = [
  ["a size that overflows", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
  ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
  ["a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF in an extension", `5;a\nb\r\nhello\r\n0\r\n\r\n`],
  ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
  ["data longer than its size", "5\r\nhello!\r\n0\r\n\r\n"],
  ["an extension without end", `5;${"a".repeat(10_000)}\r\nhello\r\n0\r\n\r\n`],
  ["framing in a trailer", "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"],
];

for (const [name, body] of BROKEN_CHUNKS) {
  test(`a chunked body is refused and never completed upstream: ${name}`, async (t) => {
    const proxy = await startProxy(t, [() => undefined]);
    const received = await exchangeRaw(
      proxy.port,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}${SMUGGLED}`,
    );
    assert.match(received, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\nConnection: close\r\n/);
    assert.equal(received.match(/HTTP\/1\.1 \d/g)?.length, 1, "one answer only");
    const upstream = proxy.origins[0]!.received;
    assert.doesNotMatch(upstream, /smuggled/);
    assert.doesNotMatch(upstream, /0\r\n\r\n$/);
  });
}

test("chunk sizes and extensions are written anew", async (t) => {
  const proxy = await startProxy(t, [
    (connection) => void (connection.received.endsWith("0\r\n\r\n") && connection.socket.write(response("ok"))),
  ]);
  const request =
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ChunKed\r\nConnection: close\r\n\r\n005;a="b"\r\nhello\r\n';
  assert.match(await exchangeRaw(proxy.port, `${request}000\r\nX: y\r\n\r\n`), /200 OK/);
  const upstream = proxy.origins[0]!.received;
  assert.match(upstream, /\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
});

test("a body that an early answer left unread is not the next request", async (t) => {
  const proxy = await startProxy(t, [], {
    phases: {
      requestFilter: (session) => {
        session.respond(200, [], session.request.target);
        return true;
      },
    },
  });
  const received = await exchangeRaw(
    proxy.port,
    `POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}` +
      "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  assert.match(received, /\/first[^]*\/second$/);
  assert.doesNotMatch(received, /smuggled/);
});

test("0.CL: an upstream that answers before it has the body does not get another request on that connection", async (t) => {
  const proxy = await startProxy(t, [
    (connection) => {
      if (connection.received.endsWith("\r\n\r\n")) connection.socket.write(response("early"));
    },
  ]);
  const client = await RawClient.connect(proxy.port);
  client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\n\r\n");
  await client.untilText("early");
  client.close();
  await proxy.origins[0]!.until((origin) => origin.connections[0]!.isClosed);
  assert.match(await exchangeRaw(proxy.port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), /early/);
  assert.equal(proxy.origins[0]!.connections.length, 2);
});

test("CONNECT opens no tunnel", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))]);
  const received = await exchangeRaw(proxy.port, `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${SMUGGLED}`);
  assert.match(received, /^HTTP\/1\.1 501 Not Implemented\r\n/);
  assert.equal(received.match(/HTTP\/1\.1 \d/g)?.length, 1);
  assert.equal(proxy.origins[0]!.received, "");
});

test("an upgrade to h2c is not passed on", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))]);
  const received = await exchangeRaw(
    proxy.port,
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
  );
  assert.match(received, /^HTTP\/1\.1 200 OK/);
  assert.doesNotMatch(proxy.origins[0]!.received, /upgrade|h2c|http2-settings/i);
});

test("bytes behind a WebSocket request wait for the upstream's 101, whatever version the request claims", async (t) => {
  const proxy = await startProxy(t, [answerEach("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")]);
  const received = await exchangeRaw(
    proxy.port,
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n" +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  );
  assert.equal(received.match(/426 Upgrade Required/g)?.length, 2, "both are requests of their own");
  assert.match(proxy.origins[0]!.received, /GET \/next HTTP\/1\.1\r\nHost: a\r\nX-Forwarded-For: 127\.0\.0\.1/);
});

test("Connection cannot take away Host, framing or forwarding headers, and hop-by-hop headers end here", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))]);
  await exchangeRaw(
    proxy.port,
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nAuthorization: secret\r\nX-Own: 1\r\nKeep-Alive: 1\r\n" +
      "Proxy-Connection: x\r\nProxy-Authorization: x\r\nTE: gzip\r\nTrailer: X\r\n" +
      "Connection: close, Host, Content-Length, X-Forwarded-For, X-Real-IP, Authorization, X-Own\r\n\r\n",
  );
  const upstream = proxy.origins[0]!.received;
  assert.match(
    upstream,
    /^POST \/ HTTP\/1\.1\r\nHost: a\r\nAuthorization: secret\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/,
  );
  assert.match(upstream, /\r\nContent-Length: 0\r\n/);
  assert.doesNotMatch(upstream, /X-Own|Keep-Alive|Proxy-|TE:|Trailer:|Connection:/i);
});

test("forwarding headers of a stranger are replaced, in every spelling", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))]);
  await exchangeRaw(
    proxy.port,
    "GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-for: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.7\r\n" +
      "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n" +
      "Forwarded: for=6.6.6.6\r\nX-Request-ID: forged\r\nConnection: close\r\n\r\n",
  );
  const upstream = proxy.origins[0]!.received;
  assert.doesNotMatch(upstream, /6\.6\.6|evil|forged|https|Forwarded: for/);
  assert.equal(upstream.match(/x-forwarded-for/gi)?.length, 1);
});

test("limits: request line 414, header bytes and count 431, each closing the connection", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))]);
  assert.match(await exchangeRaw(proxy.port, `GET /${"a".repeat(9000)}`), /^HTTP\/1\.1 414 /);
  const bytes = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(40_000)}`;
  assert.match(await exchangeRaw(proxy.port, bytes), /^HTTP\/1\.1 431 /);
  const count = `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(101)}\r\n`;
  assert.match(await exchangeRaw(proxy.port, count), /^HTTP\/1\.1 431 /);
  assert.equal(proxy.origins[0]!.received, "");
});

test("slowloris: a head that drips in has one deadline, however many bytes come", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))], { limits: { headerTimeoutMs: 400 } });
  const client = await RawClient.connect(proxy.port);
  client.write("GET / HTTP/1.1\r\nHost: a\r\n");
  const drip = setInterval(() => client.write("X: y\r\n"), 20);
  const received = await client.untilEnd();
  clearInterval(drip);
  assert.match(received, /^HTTP\/1\.1 408 Request Timeout\r\n[^]*Connection: close/);
  assert.equal(proxy.origins[0]!.received, "");
});

test("slowloris between requests: the deadline runs from the next head's first byte", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))], { limits: { headerTimeoutMs: 400 } });
  const client = await RawClient.connect(proxy.port);
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.untilText("ok");
  const drip = setInterval(() => client.write("G"), 20);
  const received = await client.untilEnd();
  clearInterval(drip);
  assert.match(received, /ok[^]*HTTP\/1\.1 4\d\d /);
});

test("a body that stops coming in ends in 408", async (t) => {
  const proxy = await startProxy(t, [() => undefined], { options: { limits: { idleTimeoutMs: 300 } } });
  const received = await exchangeRaw(proxy.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx");
  assert.match(received, /^HTTP\/1\.1 408 Request Timeout/);
});

test("RUDY: a body that trickles in below the minimum rate ends in 408, whatever the idle timeout", async (t) => {
  const options = { limits: { idleTimeoutMs: 3_600_000 }, minBodyRate: 1000 };
  const proxy = await startProxy(t, [() => undefined], { options });
  const client = await RawClient.connect(proxy.port);
  client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  const drip = setInterval(() => client.write("x"), 100);
  const received = await client.untilEnd();
  clearInterval(drip);
  assert.match(received, /^HTTP\/1\.1 408 Request Timeout/);
});

test("more connections than the limit are closed, the others are served", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))], { limits: { maxConnections: 2 } });
  const kept = [await RawClient.connect(proxy.port), await RawClient.connect(proxy.port)];
  for (const client of kept) {
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.untilText("ok");
  }
  const surplus = await RawClient.connect(proxy.port);
  await surplus.untilEnd();
  assert.equal(surplus.received, "");
  kept[0]!.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await kept[0]!.untilEnd();
  kept[1]!.close();
});

test("a client that pipelines and does not read is not served further than its buffers reach", async (t) => {
  let answered = 0;
  const proxy = await startProxy(t, [], {
    phases: {
      requestFilter: (session) => {
        answered++;
        session.respond(200, [], "x".repeat(8000));
        return true;
      },
    },
  });
  const client = await RawClient.connect(proxy.port);
  client.socket.pause();
  const total = 9_000;
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(total));
  let last = -1;
  while (answered !== last) {
    last = answered;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  // 8 kB an answer: what the kernel takes, and a buffer of 64 KiB.
  assert.ok(answered < total, `${answered} were answered into nowhere`);
  t.diagnostic(`${answered} of ${total} answered before the client read`);
  client.socket.removeAllListeners("data");
  let received = 0;
  await new Promise<void>((resolve) => {
    client.socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received >= total * 8000) resolve();
    });
    client.socket.resume();
  });
  assert.equal(answered, total, "once the client reads, the others are served");
  client.close();
});
