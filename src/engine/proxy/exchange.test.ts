// The proxying workflow over real sockets: what clients and upstreams see.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startProxy } from "../../../test/support/proxy-under-test.ts";
import { exchangeRaw, RawClient } from "../../../test/support/raw-client.ts";
import { answerEach, response } from "../../../test/support/scripted-origin.ts";
import { createPeer } from "../upstream/peer.ts";
import { ProxyError } from "./proxy-error.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CLOSING_GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

test("a request and its response pass, with forwarding headers set and hop-by-hop headers gone", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("hi", "X-Up: 1\r\nConnection: X-Hop\r\nX-Hop: 2\r\n"))]);
  const received = await exchangeRaw(
    proxy.port,
    "GET /x?y HTTP/1.1\r\nHost: Shop.example\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n" +
      "X-Mine: 1\r\nConnection: close, X-Mine\r\nTE: gzip\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\n\r\n",
  );
  assert.match(received, /^HTTP\/1\.1 200 OK\r\nX-Up: 1\r\n/);
  assert.match(received, /\r\nDate: /);
  assert.match(received, /\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi$/);
  assert.doesNotMatch(received, /X-Hop/i);
  const [head = ""] = proxy.origins[0]!.received.split("\r\n\r\n");
  const lines = head.split("\r\n");
  assert.equal(lines[0], "GET /x?y HTTP/1.1");
  assert.deepEqual(lines.slice(1, 7), [
    "Host: Shop.example",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: Shop.example",
    "X-Forwarded-Port: 80",
    "X-Real-IP: 127.0.0.1",
  ]);
  assert.match(lines[7]!, /^X-Request-ID: [0-9a-f]{32}$/);
  assert.equal(lines.length, 8);
});

test("a trusted proxy's forwarding headers are kept and appended to", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("hi"))], { options: { trusts: (a) => a === "127.0.0.1" } });
  await exchangeRaw(
    proxy.port,
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Request-ID: abc\r\n" +
      "Connection: close\r\n\r\n",
  );
  const upstream = proxy.origins[0]!.received;
  assert.match(upstream, /X-Forwarded-For: 1\.2\.3\.4, 127\.0\.0\.1\r\n/);
  assert.match(upstream, /X-Forwarded-Proto: https\r\n/);
  assert.match(upstream, /X-Request-ID: abc\r\n/);
  assert.match(upstream, /X-Real-IP: 1\.2\.3\.4\r\n/);
  const { session } = await proxy.untilLogged(1);
  assert.equal(session.clientAddress, "1.2.3.4");
  assert.equal(session.requestId, "abc");
});

test("pipelined requests are answered in order on one connection, over one upstream connection", async (t) => {
  let count = 0;
  const proxy = await startProxy(t, [
    (connection) => {
      while (connection.received.split("\r\n\r\n").length - 1 > count) {
        connection.socket.write(response(`answer ${++count};`), "latin1");
      }
    },
  ]);
  const received = await exchangeRaw(proxy.port, GET + GET + CLOSING_GET);
  assert.deepEqual(received.match(/answer \d/g), ["answer 1", "answer 2", "answer 3"]);
  assert.equal(proxy.origins[0]!.connections.length, 1);
});

test("a chunked request body goes up chunked, a chunked response comes down chunked, with trailers if asked for", async (t) => {
  const proxy = await startProxy(t, [
    (connection) => {
      if (!connection.received.endsWith("0\r\n\r\n")) return;
      connection.socket.write(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n",
      );
    },
  ]);
  const request = (te: string): string =>
    `POST / HTTP/1.1\r\nHost: a\r\n${te}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n` +
    "2;ext\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: t\r\n\r\n";
  const plain = await exchangeRaw(proxy.port, request(""));
  assert.match(plain, /\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
  assert.match(proxy.origins[0]!.received, /\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n$/);
  const withTrailers = await exchangeRaw(proxy.port, request("TE: trailers\r\n"));
  assert.match(withTrailers, /0\r\nX-Sum: 1\r\n\r\n$/);
});

test("behind a trusted proxy X-Real-IP is the last address that no trusted proxy wrote, whatever the client claims", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("hi"))], { options: { trusts: (a) => a === "127.0.0.1" } });
  await exchangeRaw(
    proxy.port,
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Real-IP: 6.6.6.6\r\nConnection: close\r\n\r\n",
  );
  assert.match(proxy.origins[0]!.received, /X-Real-IP: 203\.0\.113\.9\r\n/);
  assert.equal(proxy.origins[0]!.received.match(/X-Real-IP/gi)?.length, 1);
});

test("HTTP/1.0 clients get bodies without chunks, closed at the end; keep-alive only when asked for", async (t) => {
  const proxy = await startProxy(t, [
    answerEach("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
  ]);
  const received = await exchangeRaw(proxy.port, "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(received, /\r\nConnection: close\r\n\r\nabc$/);
  const kept = await startProxy(t, [answerEach(response("ok"))]);
  const client = await RawClient.connect(kept.port);
  client.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert.match(await client.untilText("\r\n\r\nok"), /Connection: keep-alive/);
  client.write("GET / HTTP/1.0\r\n\r\n");
  assert.match(await client.untilEnd(), /Connection: close\r\n\r\nok$/);
  // Without a Host from the client the upstream still gets one.
  assert.match(kept.origins[0]!.received, /\r\nHost: 127\.0\.0\.1:\d+\r\n/);
});

test("HEAD, 204 and 304 have no body, and HEAD keeps the length", async (t) => {
  const proxy = await startProxy(t, [
    (connection) => {
      const request = connection.received;
      connection.received = "";
      if (request.startsWith("HEAD")) connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
      else if (request.includes("/204")) connection.socket.write("HTTP/1.1 204 No Content\r\n\r\n");
      else connection.socket.write('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 7\r\n\r\n');
    },
  ]);
  const received = await exchangeRaw(
    proxy.port,
    "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\n" +
      "GET /304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  const heads = received.split("\r\n\r\n").filter((head) => head !== "");
  assert.equal(heads.length, 3);
  assert.match(heads[0]!, /Content-Length: 7/);
  assert.doesNotMatch(heads[1]!, /Content-Length|Transfer-Encoding/);
  assert.match(heads[2]!, /^HTTP\/1\.1 304 Not Modified/);
  assert.equal(proxy.origins[0]!.connections.length, 1);
});

test("Expect: 100-continue waits for the upstream's word, and 103 is passed on", async (t) => {
  const proxy = await startProxy(t, [
    (connection, origin) => {
      if (origin.received.endsWith("\r\n\r\n")) {
        connection.socket.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
      } else if (origin.received.endsWith("body!")) connection.socket.write(response("done"));
    },
  ]);
  const client = await RawClient.connect(proxy.port);
  client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  assert.equal(
    await client.untilText("100 Continue\r\n\r\n"),
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
  );
  client.write("body!");
  assert.match(await client.untilEnd(), /HTTP\/1\.1 200 OK[^]*done$/);
});

test("a client that waits for 100 and is refused instead loses its connection", async (t) => {
  const proxy = await startProxy(t, [answerEach("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")]);
  const received = await exchangeRaw(
    proxy.port,
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
  );
  assert.match(received, /^HTTP\/1\.1 401 Unauthorized\r\n[^]*Connection: close\r\n\r\n$/);
});

test("after an early answer a short rest of the body is thrown away and the connection goes on", async (t) => {
  const proxy = await startProxy(t, [], {
    phases: {
      requestFilter: (session) => {
        session.respond(session.request.method === "POST" ? 403 : 200, [], session.request.method);
        return true;
      },
    },
  });
  const received = await exchangeRaw(
    proxy.port,
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /${CLOSING_GET}`,
  );
  assert.match(received, /^HTTP\/1\.1 403 Forbidden[^]*POSTHTTP\/1\.1 200 OK[^]*GET$/);
});

test("after an early answer a long rest of the body ends the connection", async (t) => {
  const proxy = await startProxy(t, [], {
    phases: {
      requestFilter: (session) => {
        session.respond(403, [], "no");
        return true;
      },
    },
  });
  const received = await exchangeRaw(proxy.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
  assert.match(received, /^HTTP\/1\.1 403 Forbidden[^]*Connection: close\r\n\r\nno$/);
});

test("a client that closes its half still gets its answer", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("late"))]);
  const client = await RawClient.connect(proxy.port);
  client.socket.end(GET);
  assert.match(await client.untilEnd(), /late$/);
});

test("a client that goes away ends its upstream request and is logged as client-closed", async (t) => {
  const proxy = await startProxy(t, [() => undefined]);
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  await proxy.origins[0]!.until((origin) => origin.received !== "");
  client.socket.resetAndDestroy();
  await proxy.origins[0]!.until((origin) => origin.connections[0]!.isClosed);
  const { error } = await proxy.untilLogged(1);
  assert.equal(error?.type, "client-closed");
});

test("a GET on a pooled connection that died is tried again, a POST is not", async (t) => {
  let requests = 0;
  const proxy = await startProxy(t, [
    (connection) => {
      requests++;
      // Every second request of a connection finds it dead.
      if (connection.received.split("\r\n\r\n").length > 2) connection.socket.resetAndDestroy();
      else connection.socket.write(response("ok"));
    },
  ]);
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  await client.untilText("ok");
  client.write(CLOSING_GET);
  assert.match(await client.untilEnd(), /ok[^]*200 OK[^]*ok$/);
  assert.equal(requests, 3);
  assert.equal((await proxy.untilLogged(2)).session.attempts, 2);

  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  assert.match(await exchangeRaw(proxy.port, post), /^HTTP\/1\.1 502 Bad Gateway/);
});

test("however many pooled connections have died at once, a GET needs one retry", async (t) => {
  const opened = 4;
  let asked = 0;
  const proxy = await startProxy(t, [
    (connection, origin) => {
      const requests = connection.received.split("\r\n\r\n").length - 1;
      // The first requests are answered together, so that each gets a connection; all of these are dead for the next.
      if (requests > 1) connection.socket.resetAndDestroy();
      else if (origin.connections.length > opened) connection.socket.write(response("new"));
      else if (++asked === opened) {
        for (const { socket } of origin.connections) socket.write(response("ok"));
      }
    },
  ]);
  const clients = await Promise.all(Array.from({ length: opened }, () => RawClient.connect(proxy.port)));
  for (const client of clients) client.write(CLOSING_GET);
  for (const client of clients) assert.match(await client.untilEnd(), /ok$/);
  assert.match(await exchangeRaw(proxy.port, CLOSING_GET), /new$/);
  assert.equal((await proxy.untilLogged(opened + 1)).session.attempts, 2);
});

test("a PUT is sent again with its body", async (t) => {
  const proxy = await startProxy(t, [
    (connection, origin) => {
      if (!connection.received.endsWith("body")) return;
      if (origin.connections.length === 1) connection.socket.resetAndDestroy();
      else connection.socket.write(response("ok"));
    },
  ]);
  const put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
  assert.match(await exchangeRaw(proxy.port, put), /^HTTP\/1\.1 200 OK/);
  assert.match(proxy.origins[0]!.connections[1]!.received, /Content-Length: 4\r\n\r\nbody$/);
});

test("a refused connection leads to the next peer, for any method, at most maxAttempts times", async (t) => {
  const closed = createPeer({ address: "127.0.0.1", port: 1 });
  let good = closed;
  let chosen = 0;
  const failed: string[] = [];
  const proxy = await startProxy(t, [answerEach(response("ok"))], {
    phases: {
      upstreamPeer: () => (++chosen % 2 === 1 ? closed : good),
      failToConnect: (_session, peer, _ctx, error) => void failed.push(`${peer.label} ${error.type}`),
    },
  });
  good = createPeer({ address: "127.0.0.1", port: proxy.origins[0]!.port });
  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  assert.match(await exchangeRaw(proxy.port, post), /^HTTP\/1\.1 200 OK/);
  assert.deepEqual(failed, ["127.0.0.1:1 connect-refused"]);
  good = closed;
  chosen = 0;
  assert.match(await exchangeRaw(proxy.port, post), /^HTTP\/1\.1 502 Bad Gateway/);
  assert.equal(chosen, 3);
});

test("attempts that a proxy passes over do not count", async (t) => {
  const refusing = Array.from({ length: 20 }, (_, index) => createPeer({ address: `127.0.0.${index + 1}`, port: 1 }));
  let chosen = 0;
  const startWith = (maxAttempts: number): ReturnType<typeof startProxy> =>
    startProxy(t, [answerEach(response("ok"))], {
      phases: { upstreamPeer: () => refusing[chosen++] ?? good, failToConnect: () => chosen > 1 },
      options: { limits: { maxAttempts } },
    });
  const proxy = await startWith(2);
  const good = createPeer({ address: "127.0.0.1", port: proxy.origins[0]!.port });
  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  assert.match(await exchangeRaw(proxy.port, post), /^HTTP\/1\.1 200 OK/);
  assert.equal(chosen, 21);
  const strict = await startWith(1);
  chosen = 0;
  assert.match(await exchangeRaw(strict.port, post), /^HTTP\/1\.1 502 /);
  assert.equal(chosen, 1);
});

test("a request has at most 32 attempts that do not count", async (t) => {
  let chosen = 0;
  const proxy = await startProxy(t, [], {
    phases: {
      upstreamPeer: () => createPeer({ address: `127.0.1.${++chosen}`, port: 1 }),
      failToConnect: () => true,
    },
  });
  assert.match(await exchangeRaw(proxy.port, CLOSING_GET), /^HTTP\/1\.1 502 /);
  assert.equal(chosen, 35);
});

test("statuses of failures: 502 broken, 503 no endpoint, 504 late, 413 too large", async (t) => {
  const garbage = await startProxy(t, [
    answerEach("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
  ]);
  assert.match(await exchangeRaw(garbage.port, CLOSING_GET), /^HTTP\/1\.1 502 /);
  const none = await startProxy(t, [], {
    phases: {
      upstreamPeer: () => {
        throw new ProxyError("no-endpoint", "upstream", "none");
      },
    },
  });
  assert.match(await exchangeRaw(none.port, CLOSING_GET), /^HTTP\/1\.1 503 [^]*no-store/);
  const silent = await startProxy(t, [() => undefined], { options: { limits: { responseTimeoutMs: 50 } } });
  assert.match(await exchangeRaw(silent.port, CLOSING_GET), /^HTTP\/1\.1 504 /);
  const small = await startProxy(t, [answerEach(response("ok"))], { options: { limits: { maxBodyBytes: 3 } } });
  const body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
  assert.match(await exchangeRaw(small.port, body + CLOSING_GET), /^HTTP\/1\.1 413 /);
  const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
  assert.match(await exchangeRaw(small.port, chunked + CLOSING_GET), /^HTTP\/1\.1 413 /);
});

test("errors are answered as JSON to whoever accepts JSON", async (t) => {
  const proxy = await startProxy(t, [answerEach("nonsense\r\n\r\n")]);
  const received = await exchangeRaw(
    proxy.port,
    "GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
  );
  const [head = "", body = ""] = received.split("\r\n\r\n");
  assert.match(head, /Content-Type: application\/json/);
  const { status, request_id: id } = JSON.parse(body) as { status: number; request_id: string };
  assert.equal(status, 502);
  assert.match(id, /^[0-9a-f]{32}$/);
});

test("a response that breaks off is broken for the client too, never complete", async (t) => {
  const proxy = await startProxy(t, [
    (connection) => {
      connection.socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", () => {
        connection.socket.resetAndDestroy();
      });
    },
  ]);
  const received = await exchangeRaw(proxy.port, GET);
  assert.doesNotMatch(received, /0\r\n\r\n$/);
  assert.equal((await proxy.untilLogged(1)).error?.type, "upstream-closed");
});

test("bytes after the end of a response are not the next response", async (t) => {
  const proxy = await startProxy(t, [answerEach(`${response("one")}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`)]);
  const received = await exchangeRaw(proxy.port, GET + CLOSING_GET);
  assert.doesNotMatch(received, /evil/);
  assert.equal(proxy.origins[0]!.connections.length, 2);
});

const WEBSOCKET =
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ACCEPTED =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

test("a tunnel carries bytes both ways after a valid 101, and not one before", async (t) => {
  const proxy = await startProxy(t, [
    (connection) => {
      if (connection.received.endsWith("\r\n\r\n")) {
        assert.doesNotMatch(connection.received, /early/);
        connection.socket.write(`${ACCEPTED}welcome`, "latin1");
      } else connection.socket.write(`echo:${connection.received.split("\r\n\r\n")[1]}`, "latin1");
    },
  ]);
  const client = await RawClient.connect(proxy.port);
  client.write(`${WEBSOCKET}early`);
  const received = await client.untilText("echo:early");
  assert.match(received, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(received, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome/);
  client.socket.end();
  await client.untilEnd();
});

test("a 101 that does not answer the upgrade is refused", async (t) => {
  const wrong: readonly string[] = [
    ACCEPTED.replace("s3p", "xxx"),
    ACCEPTED.replace("Upgrade: WebSocket\r\n", ""),
    ACCEPTED.replace("Connection: upgrade\r\n", ""),
    ACCEPTED.replace("WebSocket\r\n", "other\r\n"),
  ];
  for (const answer of wrong) {
    const proxy = await startProxy(t, [answerEach(answer)]);
    const client = await RawClient.connect(proxy.port);
    client.write(WEBSOCKET);
    assert.match(await client.untilText("\r\n\r\n"), /^HTTP\/1\.1 502 /);
    client.close();
  }
  const unasked = await startProxy(t, [answerEach(ACCEPTED)]);
  assert.match(await exchangeRaw(unasked.port, CLOSING_GET), /^HTTP\/1\.1 502 /);
});

test("an upgrade that the upstream declines is an ordinary response, and what follows an ordinary request", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("no"))]);
  const received = await exchangeRaw(proxy.port, WEBSOCKET + CLOSING_GET);
  assert.deepEqual(received.match(/200 OK/g)?.length, 2);
});

test("phases run in order, synchronous or not, and may change both messages", async (t) => {
  const order: string[] = [];
  const later = <T>(value: T): Promise<T> => Promise.resolve(value);
  const proxy = await startProxy(t, [answerEach(response("body", "X-Secret: 1\r\n"))], {
    phases: {
      earlyRequestFilter: () => later(void order.push("early")),
      requestFilter: () => {
        order.push("request");
        return later(false);
      },
      connectedToUpstream: () => void order.push("connected"),
      upstreamRequestFilter: (_session, headers) => {
        order.push("upstreamRequest");
        headers.set("X-Added", "yes");
        headers.remove("x-drop");
        return later(undefined);
      },
      upstreamResponseFilter: (_session, head) => {
        order.push("upstreamResponse");
        head.headers.remove("x-secret");
        return later(undefined);
      },
      responseFilter: (_session, head) => {
        order.push("response");
        head.status = 201;
        head.reason = "";
        return later(undefined);
      },
      responseBodyFilter: (_session, chunk, endOfStream) => {
        if (endOfStream) return Buffer.from("!");
        return Buffer.from((chunk as Buffer).toString().toUpperCase());
      },
      logging: () => void order.push("logging"),
    },
  });
  const received = await exchangeRaw(proxy.port, "GET / HTTP/1.1\r\nHost: a\r\nX-Drop: 1\r\nConnection: close\r\n\r\n");
  assert.match(received, /^HTTP\/1\.1 201 Created\r\n/);
  assert.match(received, /\r\n\r\n4\r\nBODY\r\n1\r\n!\r\n0\r\n\r\n$/);
  assert.doesNotMatch(received, /X-Secret/);
  assert.match(proxy.origins[0]!.received, /X-Added: yes/);
  assert.doesNotMatch(proxy.origins[0]!.received, /X-Drop/);
  assert.deepEqual(order, [
    "early",
    "request",
    "connected",
    "upstreamRequest",
    "upstreamResponse",
    "response",
    "logging",
  ]);
});

test("a request body filter may change the body's length", async (t) => {
  const proxy = await startProxy(
    t,
    [(connection) => void (connection.received.endsWith("0\r\n\r\n") && connection.socket.write(response("ok")))],
    {
      phases: {
        requestBodyFilter: (_session, chunk, endOfStream) =>
          endOfStream ? Buffer.from("end") : Buffer.concat([chunk as Buffer, Buffer.from("+")]),
      },
    },
  );
  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
  assert.match(await exchangeRaw(proxy.port, post), /200 OK/);
  assert.match(proxy.origins[0]!.received, /Transfer-Encoding: chunked\r\n\r\n5\r\nbody\+\r\n3\r\nend\r\n0\r\n\r\n$/);
});

test("a body filter that throws ends its request, once logged: before the head with 500, after it broken off", async (t) => {
  const oops = (): never => {
    throw new Error("oops");
  };
  const up = await startProxy(t, [answerEach(response("ok"))], { phases: { requestBodyFilter: oops } });
  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
  assert.match(await exchangeRaw(up.port, post), /^HTTP\/1\.1 500 /);
  assert.equal((await up.untilLogged(1)).error?.type, "internal");

  for (const isAtEnd of [false, true]) {
    const down = await startProxy(t, [answerEach(response("ok"))], {
      phases: { responseBodyFilter: (_session, chunk, endOfStream) => (endOfStream === isAtEnd ? oops() : chunk) },
    });
    assert.doesNotMatch(await exchangeRaw(down.port, CLOSING_GET), /0\r\n\r\n$/);
    await down.untilLogged(1);
    assert.equal(down.logged.length, 1);
  }
});

test("a phase that throws gives 500, once logged, and the connection serves on", async (t) => {
  const proxy = await startProxy(t, [answerEach(response("ok"))], {
    phases: {
      requestFilter: (session) => {
        if (session.request.target === "/bad") throw new Error("oops");
        return false;
      },
    },
  });
  const received = await exchangeRaw(proxy.port, `GET /bad HTTP/1.1\r\nHost: a\r\n\r\n${CLOSING_GET}`);
  assert.match(received, /^HTTP\/1\.1 500 [^]*HTTP\/1\.1 200 OK/);
  assert.doesNotMatch(received, /oops/);
  assert.equal(proxy.logged.length, 2);
});

test("drain finishes what runs, closes what idles, and takes nothing new", async (t) => {
  let release = (): void => undefined;
  const proxy = await startProxy(t, [
    (connection) => {
      release = () => connection.socket.write(response("slow"));
    },
  ]);
  const idle = await RawClient.connect(proxy.port);
  const busy = await RawClient.connect(proxy.port);
  busy.write(GET);
  await proxy.origins[0]!.until((origin) => origin.received !== "");
  const drained = proxy.server.drain(10_000);
  await idle.untilEnd();
  release();
  assert.match(await busy.untilEnd(), /Connection: close\r\n\r\nslow$/);
  busy.close();
  idle.close();
  assert.equal(await drained, 0);
  await assert.rejects(RawClient.connect(proxy.port));
});
