import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Exchange, startTestServer, type TestServer } from "../../../test/support/http2-server.ts";
import {
  dataFrame,
  ErrorCode,
  Flag,
  FrameType,
  headersFrame,
  type RawHttp2,
  requestPairs,
  rstStreamFrame,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../test/support/raw-http2.ts";
import { HeaderList } from "../http/header-list.ts";
import { ResponseHead, UNKNOWN_LENGTH } from "../http/messages.ts";
import { ProxyError } from "../proxy/proxy-error.ts";

const GET = headersFrame(1, requestPairs());
const POST = headersFrame(1, requestPairs({ ":method": "POST" }), false);
const WEBSOCKET = headersFrame(1, [...requestPairs({ ":method": "CONNECT" }), [":protocol", "websocket"]], false);
const INITIAL_WINDOW_SIZE = 4;

const servers: TestServer[] = [];

after(() => {
  for (const server of servers) server.close();
});

/** A server with one client, and the exchange of its first request once `frames` are there. */
async function exchangeOf(
  frames: Buffer[],
  options: { onExchange?: (exchange: Exchange) => void; settings?: readonly (readonly [number, number])[] } = {},
): Promise<{ server: TestServer; client: RawHttp2; exchange: Exchange }> {
  const server = await startTestServer(options.onExchange === undefined ? {} : { onExchange: options.onExchange });
  servers.push(server);
  const client = await server.client(options.settings);
  client.send(...frames);
  await client.settle();
  const [exchange] = server.exchanges;
  assert.ok(exchange);
  return { server, client, exchange };
}

/** Types, flags and lengths of the frames of stream 1, to tell an end from a cut. */
function framesOf(client: RawHttp2): string[] {
  const names = new Map<number, string>(Object.entries(FrameType).map(([name, type]) => [type, name]));
  return client.frames
    .filter((frame) => frame.streamId === 1)
    .map((frame) => {
      if (frame.type === FrameType.rstStream) return `rstStream ${frame.payload.readUInt32BE(0)}`;
      return `${names.get(frame.type)}${(frame.flags & Flag.endStream) !== 0 ? " end" : ""}`;
    });
}

test("a response goes out with lower-case names, its length, and nothing of an HTTP/1 connection", async () => {
  const { client, exchange } = await exchangeOf([GET]);
  exchange.respond(200, "hello", [
    "Content-Type",
    "text/plain",
    "Connection",
    "close",
    "Keep-Alive",
    "timeout=5",
    "Transfer-Encoding",
    "chunked",
    "Upgrade",
    "h2c",
    "Proxy-Connection",
    "x",
    "Content-Length",
    "99",
    "Set-Cookie",
    "a=1",
    "Set-Cookie",
    "b=2",
    "Content-Type",
    "text/html",
  ]);
  const response = await client.responseOf(1);
  assert.equal(response.status, 200);
  assert.equal(response.body, "hello");
  assert.equal(response.headers.get("content-length"), "5");
  // An upstream that repeats a header that should stand once is passed on as it is, as over HTTP/1.
  assert.equal(response.headers.get("content-type"), "text/plain, text/html");
  assert.equal(response.headers.get("set-cookie"), "a=1, b=2");
  for (const name of ["connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"]) {
    assert.equal(response.headers.has(name), false, name);
  }
});

test("lines that were parsed from HTTP/1 text are sent without being touched first", async () => {
  const { client, exchange } = await exchangeOf([GET]);
  const text = "Server: x\r\nX-One: 1\r\nConnection: close\r\n";
  const spans = [26, 0, 6, 8, 9, 0, 11, 16, 18, 19, 2, 21, 31, 33, 38];
  const head = new ResponseHead(200, "OK", 11, new HeaderList(text, spans, (1 << 26) | (1 << 2) | 1), 0);
  exchange.stream.sendHead(head, true);
  exchange.stream.sendEnd(null);
  const response = await client.responseOf(1);
  assert.equal(response.headers.get("server"), "x");
  assert.equal(response.headers.get("x-one"), "1");
  assert.equal(response.headers.has("connection"), false);
});

test("a body that is given in parts arrives whole, and is followed by its end", async () => {
  const { client, exchange } = await exchangeOf([GET]);
  exchange.begin(200);
  exchange.stream.sendBody(Buffer.from("one,"));
  await client.until(() => client.response(1).body === "one,");
  exchange.stream.sendBody(Buffer.from("two"));
  exchange.stream.sendEnd(null);
  const response = await client.responseOf(1);
  assert.equal(response.body, "one,two");
  assert.equal(response.isEnded, true);
  assert.equal(response.resetCode, -1);
  assert.equal(response.headers.has("content-length"), false);
});

test("chunks of any size are the caller's again after the call, also those that wait", async () => {
  for (const length of [5, 20_000, 200_000]) {
    for (const settings of [[], [[INITIAL_WINDOW_SIZE, 1000]]] as const) {
      const { client, exchange } = await exchangeOf([GET], { settings });
      exchange.begin(200);
      const chunk = Buffer.alloc(length, "a");
      exchange.stream.sendBody(chunk);
      chunk.fill("!");
      assert.equal(exchange.stream.holdsChunks, false);
      exchange.stream.sendEnd(null);
      client.send(settingsFrame([[INITIAL_WINDOW_SIZE, 1_000_000]]), windowUpdateFrame(0, 1_000_000));
      assert.equal((await client.responseOf(1)).body, "a".repeat(length));
    }
  }
});

for (const [method, status] of [
  ["HEAD", 200],
  ["GET", 204],
  ["GET", 304],
] as const) {
  test(`${method} answered ${status} has no body, whatever is given`, async () => {
    const { client, exchange } = await exchangeOf([headersFrame(1, requestPairs({ ":method": method }))]);
    exchange.stream.sendHead(new ResponseHead(status, "", 11, HeaderList.empty(), 0, 1234), false);
    assert.equal(exchange.stream.sendBody(Buffer.from("body")), true);
    exchange.stream.sendEnd(null);
    const response = await client.responseOf(1);
    assert.equal(response.status, status);
    assert.equal(response.body, "");
    assert.equal(response.headers.get("content-length"), status === 204 ? undefined : "1234");
    assert.equal(response.resetCode, -1);
  });
}

test("a request's body is read only when asked for, and paused when told so", async () => {
  const { client, exchange } = await exchangeOf([POST, dataFrame(1, "one,")]);
  assert.equal(exchange.body, "");
  exchange.react = () => {
    exchange.stream.pauseRequest();
  };
  exchange.stream.resumeRequest();
  await exchange.until(() => exchange.body === "one,");
  client.send(dataFrame(1, "two", true));
  await client.settle();
  assert.equal(exchange.body, "one,");
  assert.equal(exchange.isEnded, false);
  exchange.react = () => {};
  exchange.stream.resumeRequest();
  await exchange.until(() => exchange.isEnded);
  assert.equal(exchange.body, "one,two");
});

test("a client can send no more than the stream's window of a request that nobody reads", async () => {
  const { client } = await exchangeOf([POST]);
  // The window of a stream begins at 64 KiB until the client knows our SETTINGS; one byte more breaks the protocol.
  for (let sent = 0; sent < 65_535; sent += 13_107) client.send(dataFrame(1, Buffer.alloc(13_107)));
  await client.settle();
  assert.equal(
    client.frames.some((frame) => frame.type === FrameType.windowUpdate && frame.streamId === 1),
    false,
  );
  client.send(dataFrame(1, "x"));
  assert.equal(await client.goawayCode(), ErrorCode.flowControlError);
});

test("a request that is paused later takes a window, no more", async () => {
  const { client, exchange } = await exchangeOf([POST]);
  exchange.react = () => {
    exchange.stream.pauseRequest();
  };
  exchange.stream.resumeRequest();
  let sent = 0;
  let seen = 0;
  let window = 65_535;
  while (window > 0 && sent < 1_000_000) {
    const bytes = Math.min(window, 8192);
    client.send(dataFrame(1, Buffer.alloc(bytes)));
    sent += bytes;
    window -= bytes;
    await client.settle();
    for (; seen < client.frames.length; seen++) {
      const frame = client.frames[seen];
      if (frame?.type === FrameType.windowUpdate && frame.streamId === 1) window += frame.payload.readUInt32BE(0);
    }
  }
  assert.ok(sent <= 65_535 + 8192, `${sent} bytes were taken of a paused request`);
});

test("reading a body opens the stream's window again", async () => {
  const { client, exchange } = await exchangeOf([POST]);
  exchange.stream.resumeRequest();
  for (let sent = 0; sent < 65_535; sent += 13_107) client.send(dataFrame(1, Buffer.alloc(13_107)));
  assert.ok(await client.frameOf(FrameType.windowUpdate, 1));
  client.send(dataFrame(1, "x", true));
  await exchange.until(() => exchange.isEnded);
  assert.equal(exchange.body.length, 65_536);
});

test("request trailers are handed over at the end, after a body that was paused", async () => {
  const pairs = [
    ["x-checksum", "1"],
    ["content-type", "x"],
  ] as const;
  const { exchange } = await exchangeOf([POST, dataFrame(1, "body"), headersFrame(1, pairs)]);
  exchange.stream.resumeRequest();
  await exchange.until(() => exchange.isEnded);
  assert.equal(exchange.body, "body");
  assert.equal(exchange.trailers?.get("x-checksum"), "1");
});

test("response trailers go to clients that asked for them", async () => {
  const { client, exchange } = await exchangeOf([headersFrame(1, requestPairs({}, [["te", "trailers"]]))]);
  exchange.begin(200);
  exchange.stream.sendBody(Buffer.from("x"));
  exchange.stream.sendEnd(HeaderList.fromPairs(["Grpc-Status", "0"]));
  const response = await client.responseOf(1);
  assert.equal(response.body, "x");
  assert.equal(response.trailers?.get("grpc-status"), "0");
});

test("response trailers are dropped for clients that did not ask, and missing ones end the stream all the same", async () => {
  const { client, exchange } = await exchangeOf([GET]);
  exchange.begin(200);
  exchange.stream.sendEnd(HeaderList.fromPairs(["Grpc-Status", "0"]));
  const response = await client.responseOf(1);
  assert.equal(response.trailers, null);
  const asked = await exchangeOf([headersFrame(1, requestPairs({}, [["te", "trailers"]]))]);
  asked.exchange.respond(200, "x");
  const other = await asked.client.responseOf(1);
  assert.equal(other.isEnded, true);
  assert.equal(other.body, "x");
});

test("informational responses go before the final one", async () => {
  const pairs = requestPairs({ ":method": "POST" }, [["expect", "100-continue"]]);
  const { client, exchange } = await exchangeOf([headersFrame(1, pairs, false)]);
  assert.equal(exchange.request.expectsContinue, true);
  exchange.stream.sendInformational(100, HeaderList.empty());
  exchange.stream.sendInformational(101, HeaderList.empty());
  exchange.stream.sendInformational(103, HeaderList.fromPairs(["Link", "</a>", "Link", "</b>", "Connection", "x"]));
  await client.until(() => client.response(1).informational.length === 2);
  exchange.stream.resumeRequest();
  client.send(dataFrame(1, "x", true));
  await exchange.until(() => exchange.isEnded);
  exchange.respond(200, "ok");
  exchange.stream.sendInformational(103, HeaderList.empty());
  const response = await client.responseOf(1);
  assert.deepEqual(response.informational, [100, 103]);
  const hints = client.frames.filter((frame) => frame.type === FrameType.headers)[1]?.headers ?? [];
  assert.deepEqual(
    hints.filter(([name]) => name === "link").map(([, value]) => value),
    ["</a>", "</b>"],
  );
  assert.equal(response.body, "ok");
});

for (const [what, answer] of [
  ["with a body", (exchange: Exchange) => exchange.respond(403, "no")],
  ["without a body", (exchange: Exchange) => exchange.respond(403, null)],
] as const) {
  test(`an early response ${what} is complete before the client is asked to stop sending`, async () => {
    const { client, exchange } = await exchangeOf([POST, dataFrame(1, "part")]);
    answer(exchange);
    assert.equal(await client.resetOf(1), ErrorCode.noError);
    const frames = framesOf(client);
    assert.equal(frames.at(-1), "rstStream 0");
    assert.equal(frames.at(-2)?.endsWith(" end"), true);
    assert.equal(client.response(1).status, 403);
    assert.equal(exchange.closedBy, null);
  });
}

for (const [what, frames, last] of [
  ["POST", [POST, dataFrame(1, "part")], "data end"],
  ["HEAD", [headersFrame(1, requestPairs({ ":method": "HEAD" }), false)], "headers end"],
] as const) {
  test(`an answer within the call that announces a ${what} is complete before the reset`, async () => {
    const { client } = await exchangeOf([...frames], { onExchange: (exchange) => exchange.respond(403, "no") });
    assert.equal(await client.resetOf(1), ErrorCode.noError);
    assert.deepEqual(framesOf(client).slice(-2), [last, "rstStream 0"]);
    assert.equal(client.response(1).status, 403);
  });
}

test("a body that is cut is not ended, whatever the method", async () => {
  for (const method of ["POST", "HEAD"]) {
    const { client, exchange } = await exchangeOf([headersFrame(1, requestPairs({ ":method": method }), false)]);
    exchange.stream.resumeRequest();
    client.send(dataFrame(1, "part"));
    await exchange.until(() => exchange.body === "part");
    client.send(rstStreamFrame(1, ErrorCode.noError));
    await exchange.until(() => exchange.closedBy !== null);
    await client.settle();
    assert.equal(exchange.isEnded, false, method);
  }
});

test("an early response to HEAD is complete before the client is asked to stop sending", async () => {
  const { client, exchange } = await exchangeOf([headersFrame(1, requestPairs({ ":method": "HEAD" }), false)]);
  exchange.respond(403, null);
  assert.equal(await client.resetOf(1), ErrorCode.noError);
  assert.deepEqual(framesOf(client), ["headers end", "rstStream 0"]);
});

test("an early response comes with its trailers", async () => {
  const pairs = requestPairs({ ":method": "POST" }, [["te", "trailers"]]);
  const { client, exchange } = await exchangeOf([headersFrame(1, pairs, false), dataFrame(1, "part")]);
  exchange.stream.resumeRequest();
  exchange.begin(200);
  exchange.stream.sendBody(Buffer.from("x"));
  exchange.stream.sendEnd(HeaderList.fromPairs(["grpc-status", "7"]));
  assert.equal(await client.resetOf(1), ErrorCode.noError);
  assert.deepEqual(framesOf(client), ["headers", "data", "headers end", "rstStream 0"]);
});

test("bodies that nobody read leave the connection's window open", async () => {
  const server = await startTestServer({ onExchange: (exchange) => exchange.respond(413, "too large") });
  servers.push(server);
  const client = await server.client();
  for (let i = 0; i < 40; i++) {
    const id = i * 2 + 1;
    client.send(headersFrame(id, requestPairs({ ":method": "POST" }), false));
    for (let sent = 0; sent < 4; sent++) client.send(dataFrame(id, Buffer.alloc(16_000)));
    assert.equal((await client.responseOf(id)).status, 413);
  }
  let window = 65_535 - 40 * 64_000;
  await client.settle();
  for (const frame of client.frames) {
    if (frame.type === FrameType.windowUpdate && frame.streamId === 0) window += frame.payload.readUInt32BE(0);
  }
  assert.ok(window > 500_000, `the connection's window shrank to ${window}`);
});

test("a response that is given up is cut, never ended", async () => {
  for (const frames of [[GET], [POST]]) {
    const { client, exchange } = await exchangeOf(frames);
    exchange.begin(200);
    exchange.stream.sendBody(Buffer.from("part"));
    await client.until(() => client.response(1).body === "part");
    exchange.stream.abort(new ProxyError("upstream-closed", "upstream", "broken"));
    assert.equal(await client.resetOf(1), ErrorCode.internalError);
    assert.deepEqual(framesOf(client), ["headers", "data", "rstStream 2"]);
    assert.equal(exchange.closedBy, null);
  }
});

test("a response that is given up with bytes in the queue is cut too", async () => {
  const { client, exchange } = await exchangeOf([GET]);
  exchange.begin(200);
  exchange.stream.sendBody(Buffer.alloc(300_000));
  exchange.stream.abort(new ProxyError("upstream-closed", "upstream", "broken"));
  assert.equal(await client.resetOf(1), ErrorCode.internalError);
  assert.equal(client.response(1).isEnded, false);
});

test("an answer that HTTP does not allow costs one stream", async () => {
  const { client, exchange } = await exchangeOf([GET]);
  exchange.stream.sendHead(new ResponseHead(200, "", 11, HeaderList.fromPairs(["bad name", "x"]), 0), true);
  assert.equal(await client.resetOf(1), ErrorCode.internalError);
  assert.equal(exchange.closedBy?.type, "internal");
  client.send(headersFrame(3, requestPairs()));
  await client.settle();
  assert.equal(client.isClosed, false);
});

test("a listener that throws costs one stream", async () => {
  const server = await startTestServer({
    onExchange: (exchange) => {
      if (exchange.request.target === "/throw") throw new Error("defect");
      exchange.respond(200, "ok");
    },
  });
  servers.push(server);
  const client = await server.client();
  client.send(headersFrame(1, requestPairs({ ":path": "/throw" })), headersFrame(3, requestPairs()));
  assert.equal(await client.resetOf(1), ErrorCode.internalError);
  assert.equal((await client.responseOf(3)).status, 200);
  assert.equal(server.refused[0]?.type, "internal");
});

for (const code of [ErrorCode.cancel, ErrorCode.noError, ErrorCode.internalError]) {
  test(`a client's reset with code ${code} reaches the workflow once, also of a paused request`, async () => {
    for (const frames of [
      [GET],
      [POST, dataFrame(1, "unread")],
      [headersFrame(1, requestPairs({ ":method": "HEAD" }))],
    ]) {
      const { client, exchange, server } = await exchangeOf(frames);
      let closes = 0;
      exchange.react = () => {
        if (exchange.closedBy !== null) closes++;
      };
      client.send(rstStreamFrame(1, code));
      await exchange.until(() => exchange.closedBy !== null);
      assert.equal(exchange.closedBy?.type, "client-closed");
      await client.settle();
      assert.equal(closes, 1);
      assert.equal(exchange.isEnded, false);
      assert.equal(server.connections[0]?.openStreams, 0);
      // Nothing of this throws, and nothing is sent.
      exchange.respond(200, "late");
      exchange.stream.abort(new ProxyError("internal", "internal", "late"));
      exchange.stream.resumeRequest();
      await client.settle();
      assert.deepEqual(framesOf(client), []);
    }
  });
}

test("a client's reset reaches the workflow although a paused request has more to read", async () => {
  for (const code of [ErrorCode.cancel, ErrorCode.noError]) {
    const { client, exchange, server } = await exchangeOf([POST, dataFrame(1, "first")]);
    exchange.react = () => {
      exchange.stream.pauseRequest();
    };
    exchange.stream.resumeRequest();
    await exchange.until(() => exchange.body === "first");
    client.send(dataFrame(1, "second"), rstStreamFrame(1, code));
    await exchange.until(() => exchange.closedBy !== null);
    await client.settle();
    assert.equal(exchange.isEnded, false);
    assert.equal(exchange.body, "first");
    assert.equal(server.connections[0]?.openStreams, 0);
  }
});

test("a connection that ends tells every open stream", async () => {
  const { client, exchange, server } = await exchangeOf([
    GET,
    headersFrame(3, requestPairs({ ":method": "POST" }), false),
  ]);
  client.destroy();
  const second = server.exchanges[1];
  assert.ok(second);
  await Promise.all([exchange.until(() => exchange.closedBy !== null), second.until(() => second.closedBy !== null)]);
  assert.equal(second.isEnded, false);
});

test("a slow reader holds up the response, not the memory, and is told when to go on", async () => {
  const { client, exchange } = await exchangeOf([GET], { settings: [[INITIAL_WINDOW_SIZE, 1000]] });
  exchange.begin(200);
  let given = 0;
  const chunk = Buffer.alloc(16_384);
  const fill = (): void => {
    while (given < 1_000_000) {
      given += chunk.length;
      if (!exchange.stream.sendBody(chunk)) return;
    }
    exchange.stream.sendEnd(null);
  };
  exchange.react = () => {
    fill();
  };
  fill();
  await client.settle();
  assert.ok(given < 100_000, `${given} bytes were taken for a client that reads 1,000`);
  assert.equal(client.response(1).body.length, 1000);
  client.send(settingsFrame([[INITIAL_WINDOW_SIZE, 10_000_000]]), windowUpdateFrame(0, 10_000_000));
  const response = await client.responseOf(1);
  assert.equal(response.body.length, given);
  assert.ok(exchange.drains > 0);
});

test("a finished response that its client never takes is given up after a minute without progress", async () => {
  const { client, exchange, server } = await exchangeOf([GET], { settings: [[INITIAL_WINDOW_SIZE, 0]] });
  client.send(settingsAckFrame());
  exchange.respond(200, "stuck");
  await client.settle();
  for (let second = 0; second < 50; second++) server.advance(1_100);
  await client.settle();
  assert.equal(client.response(1).resetCode, -1);
  for (let second = 0; second < 15; second++) server.advance(1_100);
  assert.equal(await client.resetOf(1), ErrorCode.internalError);
});

test("a websocket by extended CONNECT becomes a tunnel answered with 200", async () => {
  const { client, exchange } = await exchangeOf([WEBSOCKET, dataFrame(1, "early")]);
  assert.equal(exchange.request.upgrade, "websocket");
  assert.equal(exchange.request.method, "GET");
  exchange.stream.sendHead(
    new ResponseHead(
      101,
      "Switching Protocols",
      11,
      HeaderList.fromPairs(["Upgrade", "websocket", "Sec-WebSocket-Accept", "x", "Sec-WebSocket-Protocol", "chat"]),
      UNKNOWN_LENGTH,
    ),
    false,
  );
  exchange.stream.startTunnel();
  await exchange.until(() => exchange.body === "early");
  exchange.stream.sendBody(Buffer.from("down"));
  await client.until(() => client.response(1).body === "down");
  const { status, headers, isEnded } = client.response(1);
  assert.equal(status, 200);
  assert.equal(isEnded, false);
  assert.equal(headers.get("sec-websocket-protocol"), "chat");
  assert.equal(headers.has("sec-websocket-accept"), false);
  assert.equal(headers.has("upgrade"), false);
  client.send(dataFrame(1, ",up", true));
  await exchange.until(() => exchange.isEnded);
  assert.equal(exchange.body, "early,up");
  exchange.stream.sendEnd(null);
  const response = await client.responseOf(1);
  assert.equal(response.isEnded, true);
  assert.equal(response.resetCode, -1);
});

test("a tunnel that the upstream ends is ended for the client too", async () => {
  const { client, exchange, server } = await exchangeOf([WEBSOCKET]);
  exchange.stream.sendHead(new ResponseHead(101, "", 11, HeaderList.empty(), UNKNOWN_LENGTH), false);
  exchange.stream.startTunnel();
  exchange.stream.sendBody(Buffer.from("bye"));
  exchange.stream.sendEnd(null);
  assert.equal(await client.resetOf(1), ErrorCode.noError);
  assert.deepEqual(framesOf(client), ["headers", "data end", "rstStream 0"]);
  assert.equal(server.connections[0]?.isIdle, true);
});

test("an upgrade that the upstream refuses is an ordinary response", async () => {
  const { client, exchange } = await exchangeOf([WEBSOCKET]);
  exchange.respond(403, "no");
  const response = await client.responseOf(1);
  assert.equal(response.status, 403);
  assert.equal(response.body, "no");
  assert.equal(response.headers.get("content-length"), "2");
});

test("response headers of 60 KiB are sent", async () => {
  const { client, exchange } = await exchangeOf([GET]);
  // A quarter of what the client's frames may hold would do.
  exchange.respond(200, "ok", ["x-large", "\u00e9".repeat(60_000), "x-more", "y".repeat(10_000)]);
  await client.until(() => client.response(1).body === "ok" || client.isClosed);
  assert.equal(client.isClosed, false);
});
