// Floods of single frames over the wire (RFC 9113 §10.5): each ends in an answer that costs the attacker's connection,
// and none of them reaches a well-behaved client.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connect, constants } from "node:http2";
import type { AddressInfo } from "node:net";
import { encodeHeaders } from "../../../test/support/hpack.ts";
import { type Exchange, startTestServer, type TestServer } from "../../../test/support/http2-server.ts";
import {
  dataFrame,
  ErrorCode,
  Flag,
  frame,
  FrameType,
  headersFrame,
  pingFrame,
  type RawHttp2,
  requestPairs,
  rstStreamFrame,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../test/support/raw-http2.ts";
import { FloodGuard } from "./flood-guard.ts";
import type { Http2ServerLimits } from "./server-limits.ts";

const BATCH = 50;
const servers: TestServer[] = [];

after(() => {
  for (const server of servers) server.close();
});

async function start(
  onExchange: (exchange: Exchange) => void = () => {},
  limits: Partial<Http2ServerLimits> = {},
): Promise<TestServer> {
  const server = await startTestServer({ onExchange, limits });
  servers.push(server);
  return server;
}

function answer(exchange: Exchange): void {
  exchange.respond(200, "ok");
}

/** Sends frames in batches until the connection closes; returns how many were sent. */
async function flood(client: RawHttp2, count: number, unit: (index: number) => Buffer): Promise<number> {
  let sent = 0;
  while (sent < count) {
    const batch: Buffer[] = [];
    for (let i = 0; i < BATCH; i++) batch.push(unit(sent++));
    if (!(await client.sendAndDrain(Buffer.concat(batch)))) break;
  }
  return sent;
}

function post(streamId: number, headers: readonly (readonly [string, string])[] = []): Buffer {
  return headersFrame(streamId, requestPairs({ ":method": "POST" }, headers), false);
}

test("rapid reset: streams that are opened and reset end the connection", async () => {
  const server = await start();
  const client = await server.client();
  await flood(client, 5000, (i) => Buffer.concat([headersFrame(i * 2 + 1, requestPairs()), rstStreamFrame(i * 2 + 1)]));
  assert.equal(await client.goawayCode(), ErrorCode.enhanceYourCalm);
  await client.untilClosed();
  assert.ok(server.exchanges.length < 300, `${server.exchanges.length} requests were started`);
  await Promise.all(server.exchanges.map((exchange) => exchange.until(() => exchange.closedBy !== null)));
});

const SERVER_RESETS: Record<string, (streamId: number) => Buffer> = {
  "a body shorter than declared": (id) =>
    Buffer.concat([post(id, [["content-length", "3"]]), dataFrame(id, "a", true)]),
  "a window that overflows": (id) => Buffer.concat([post(id), windowUpdateFrame(id, 0x7fffffff)]),
  "a window update of zero": (id) => Buffer.concat([post(id), windowUpdateFrame(id, 0)]),
  "data after the end": (id) => Buffer.concat([headersFrame(id, requestPairs()), dataFrame(id, "a", true)]),
  "trailers with pseudo-headers": (id) => Buffer.concat([post(id), headersFrame(id, [[":path", "/"]])]),
};

for (const [what, unit] of Object.entries(SERVER_RESETS)) {
  test(`streams that we are made to reset by ${what} end the connection`, async () => {
    const server = await start();
    const client = await server.client();
    await flood(client, 5000, (i) => unit(i * 2 + 1));
    assert.ok((await client.goawayCode()) > 0);
    await client.untilClosed();
    assert.ok(server.exchanges.length < 600, `${server.exchanges.length} requests were started`);
    await Promise.all(server.exchanges.map((exchange) => exchange.until(() => exchange.closedBy !== null)));
  });
}

test("refused requests end the connection when they do not stop", async () => {
  const server = await start(answer);
  const client = await server.client();
  let id = 1;
  while (!client.isClosed && id < 4000) {
    client.send(headersFrame(id, requestPairs({ ":path": "/#" })));
    await client.responseOf(id);
    id += 2;
  }
  assert.equal(await client.goawayCode(), ErrorCode.enhanceYourCalm);
  assert.equal(server.exchanges.length, 0);
});

test("malformed requests end the connection when they do not stop", async () => {
  const server = await start(answer);
  const client = await server.client();
  await flood(client, 5000, (i) => headersFrame(i * 2 + 1, requestPairs({}, [["connection", "close"]])));
  assert.ok((await client.goawayCode()) > 0);
  assert.equal(server.exchanges.length, 0);
});

test("requests that are answered, cancelled ones in proportion, never end the connection", async () => {
  const server = await start((exchange) => {
    if (exchange.request.target === "/") exchange.respond(200, "ok");
  });
  const client = await server.client();
  for (let i = 0; i < 1500; i++) {
    const id = i * 2 + 1;
    if (i % 4 === 3) {
      client.send(headersFrame(id, requestPairs({ ":path": "/slow" })), rstStreamFrame(id));
    } else {
      client.send(headersFrame(id, requestPairs()));
      assert.equal((await client.responseOf(id)).status, 200);
    }
  }
  await client.settle();
  assert.equal(client.isClosed, false);
  assert.equal(server.exchanges.length, 1500);
});

test("bodies that are answered, small ones and large ones, never end the connection", async () => {
  const server = await start((exchange) => {
    exchange.stream.resumeRequest();
    exchange.react = () => {
      if (exchange.isEnded && exchange.closedBy === null) exchange.respond(200, exchange.body);
      if (exchange.isEnded) exchange.react = () => {};
    };
  });
  const client = await server.client();
  for (let i = 0; i < 600; i++) {
    const id = i * 2 + 1;
    const body = i % 10 === 0 ? "x".repeat(16_000) : "x";
    client.send(post(id, [["content-length", String(body.length)]]), dataFrame(id, body, true));
    client.send(windowUpdateFrame(0, body.length));
    assert.equal((await client.responseOf(id)).body, body);
  }
  await client.settle();
  assert.equal(client.isClosed, false);
  assert.equal(server.exchanges.length, 600);
});

test("no more than the allowed streams are open at once, also for a client that acknowledges no settings", async () => {
  const server = await start();
  const client = await server.client();
  client.send(...Array.from({ length: 200 }, (_, i) => headersFrame(i * 2 + 1, requestPairs())));
  await client.settle();
  assert.equal(server.exchanges.length, 128);
  assert.equal(server.connections[0]?.openStreams, 128);
  assert.equal(client.response(255).resetCode, -1);
  assert.equal(client.response(257).resetCode, ErrorCode.refusedStream);
});

const CONTROL_FLOODS: Record<string, () => Buffer> = {
  PING: () => pingFrame(),
  SETTINGS: () => settingsFrame([[INITIAL_WINDOW_SIZE, 65_535]]),
  "empty DATA": () => dataFrame(1, ""),
  PRIORITY: () => frame(FrameType.priority, 0, 1, Buffer.from([0, 0, 0, 0, 15])),
  "unknown frames": () => frame(0x42, 0, 0, Buffer.alloc(16)),
};
const INITIAL_WINDOW_SIZE = 4;

for (const [what, unit] of Object.entries(CONTROL_FLOODS)) {
  for (const reads of [true, false]) {
    test(`${what} without end from a client that ${reads ? "reads" : "does not read"} ends the connection`, async () => {
      const server = await start();
      const client = await server.client();
      client.send(post(1));
      await client.settle();
      if (!reads) client.stopReading();
      await flood(client, 200_000, unit);
      if (!reads) client.continueReading();
      await client.untilClosed();
      const [exchange] = server.exchanges;
      assert.ok(exchange);
      await exchange.until(() => exchange.closedBy !== null);
    });
  }
}

for (const streamId of [0, 1]) {
  test(`WINDOW_UPDATE without end on ${streamId === 0 ? "the connection" : "a stream"} ends the connection`, async () => {
    const server = await start();
    const client = await server.client();
    client.send(post(1));
    await client.settle();
    // A sender that is served needs many of these: they are judged by their bytes, each second.
    await flood(client, 100_000, () => windowUpdateFrame(streamId, 1));
    await client.settle();
    assert.equal(client.isClosed, false);
    server.advance(1_100);
    assert.equal(await client.goawayCode(), ErrorCode.enhanceYourCalm);
    await client.untilClosed();
    assert.equal(server.refused.at(-1)?.message, "too many bytes that serve no request");
  });
}

test("PING in measured numbers, also for long, is answered", async () => {
  const server = await start();
  const client = await server.client();
  client.send(settingsAckFrame());
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 20; i++) await client.settle();
    server.advance(1_100);
  }
  assert.equal(client.isClosed, false);
});

test("bodies that wait for a slow upstream are no flood", async () => {
  // More than the bytes that may serve no request.
  const server = await start(() => {}, { connectionWindowBytes: 8 * 1024 * 1024 });
  const client = await server.client();
  client.send(frame(FrameType.settings, Flag.ack, 0));
  for (let i = 0; i < 60; i++) {
    const id = i * 2 + 1;
    client.send(post(id));
    for (let sent = 0; sent < 4; sent++) client.send(dataFrame(id, Buffer.alloc(16_000)));
    await client.settle();
  }
  server.advance(1_100);
  await client.settle();
  assert.equal(client.isClosed, false);
});

test("bodies that nobody wants are no flood", async () => {
  const server = await start((exchange) => exchange.respond(413, "no"));
  const client = await server.client();
  for (let i = 0; i < 60; i++) {
    const id = i * 2 + 1;
    client.send(post(id));
    for (let sent = 0; sent < 4; sent++) client.send(dataFrame(id, Buffer.alloc(16_000)));
    await client.responseOf(id);
  }
  server.advance(1_100);
  await client.settle();
  assert.equal(client.isClosed, false);
});

for (const payload of [encodeHeaders([["x", "y"]]), Buffer.alloc(0)]) {
  test(`CONTINUATION frames of ${payload.length} bytes without end close the connection`, async () => {
    const server = await start();
    const client = await server.client();
    client.send(frame(FrameType.headers, Flag.endStream, 1, encodeHeaders(requestPairs())));
    await flood(client, 5000, () => frame(FrameType.continuation, 0, 1, payload));
    assert.ok((await client.goawayCode()) > 0);
    assert.equal(server.exchanges.length, 0);
  });
}

test("one SETTINGS frame with very many entries closes the connection", async () => {
  const server = await start();
  const client = await server.client();
  client.send(settingsFrame(Array.from({ length: 33 }, () => [INITIAL_WINDOW_SIZE, 65_535] as const)));
  assert.equal(await client.goawayCode(), ErrorCode.enhanceYourCalm);
});

test("new streams are refused while too much waits to be read by the client", async () => {
  const server = await start((exchange) => {
    exchange.begin(200);
    exchange.stream.sendBody(Buffer.alloc(1_000_000));
  });
  const client = await server.client([[INITIAL_WINDOW_SIZE, 0]]);
  for (let i = 0; i < 40; i++) client.send(headersFrame(i * 2 + 1, requestPairs()));
  await client.settle();
  assert.ok(server.exchanges.length <= 20, `${server.exchanges.length} megabytes were queued`);
  assert.equal(await client.resetOf(79), ErrorCode.enhanceYourCalm);
});

test("an attacker's end does not touch another client's requests", async () => {
  const server = await start((exchange) => {
    exchange.stream.resumeRequest();
    exchange.react = () => {
      if (exchange.isEnded) exchange.respond(200, exchange.body);
    };
  });
  const { port } = server.server.address() as AddressInfo;
  const session = connect(`http://127.0.0.1:${port}`);
  const request = session.request({ ":method": "POST", ":path": "/" });
  request.write("before,");
  const attacker = await server.client();
  await flood(attacker, 5000, (i) => Buffer.concat([post(i * 2 + 1), rstStreamFrame(i * 2 + 1)]));
  await attacker.untilClosed();
  request.end("after");
  let body = "";
  for await (const chunk of request) body += String(chunk);
  assert.equal(body, "before,after");
  assert.equal(request.rstCode, constants.NGHTTP2_NO_ERROR);
  session.destroy();
});

test("resets are refilled with time and earned by exchanges", () => {
  const guard = new FloodGuard(0);
  let allowed = 0;
  while (guard.allowsReset(0)) allowed++;
  assert.equal(allowed, 200);
  assert.equal(guard.allowsReset(0), false);
  assert.equal(guard.allowsReset(1_000), true);
  const earner = new FloodGuard(0);
  for (let i = 0; i < 5_000; i++) {
    earner.noteExchange();
    earner.noteExchange();
    assert.equal(earner.allowsReset(0), true);
  }
});

test("what serves a request is no overhead, and overhead drains with time", () => {
  const guard = new FloodGuard(0);
  guard.noteDataReceived(50_000_000);
  assert.ok(guard.controlExcess(50_000_000, 1_000) <= 0);
  assert.ok(guard.controlExcess(52_000_000, 2_000) > 0);
  assert.ok(guard.controlExcess(52_000_000, 60_000) <= 0);
});
