import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { type Exchange, startTestServer, type TestServer } from "../../../test/support/http2-server.ts";
import {
  dataFrame,
  ErrorCode,
  Flag,
  frame,
  FrameType,
  headersFrame,
  PREFACE,
  RawHttp2,
  requestPairs,
  settingsAckFrame,
  settingsFrame,
} from "../../../test/support/raw-http2.ts";
import type { Http2ServerConnection } from "./server-connection.ts";

const GET = headersFrame(1, requestPairs());
/** RFC 8441 §3. */
const ENABLE_CONNECT_PROTOCOL = 8;
const MAX_STREAM_ID = 2 ** 31 - 1;
const servers: TestServer[] = [];

after(() => {
  for (const server of servers) server.close();
});

async function start(options: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const server = await startTestServer(options);
  servers.push(server);
  return server;
}

function answer(exchange: Exchange): void {
  exchange.respond(200, "ok");
}

function first(server: TestServer): Http2ServerConnection {
  const [connection] = server.connections;
  assert.ok(connection);
  return connection;
}

/** The last stream ids that GOAWAYs have named so far. */
function goawaysOf(client: RawHttp2): number[] {
  return client.frames.filter(({ type }) => type === FrameType.goaway).map(({ payload }) => payload.readUInt32BE(0));
}

/** The last stream id that the last of two GOAWAYs names. */
async function lastStreamOf(client: RawHttp2): Promise<number> {
  await client.until(() => goawaysOf(client).length === 2 || client.isClosed);
  const [announced, last] = goawaysOf(client);
  assert.equal(announced, MAX_STREAM_ID);
  assert.ok(last !== undefined);
  return last;
}

test("settings tell the client its bounds", async () => {
  const server = await start();
  const client = await server.client();
  const settings = await client.frameOf(FrameType.settings);
  assert.ok(settings);
  const values = new Map<number, number>();
  for (let i = 0; i < settings.payload.length; i += 6) {
    values.set(settings.payload.readUInt16BE(i), settings.payload.readUInt32BE(i + 2));
  }
  assert.equal(values.get(constants.NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 128);
  assert.equal(values.get(constants.NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE), 128 * 1024);
  assert.equal(values.get(constants.NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE), 64 * 1024);
  assert.equal(values.get(ENABLE_CONNECT_PROTOCOL), 1);
});

test("bytes that were read to tell the protocol are given back, wherever they were cut", async () => {
  const whole = Buffer.concat([PREFACE, settingsFrame(), GET]);
  const server = await start({ onExchange: answer, initialBytes: 24 });
  for (const length of [24, 25, 40, whole.length]) {
    const client = new RawHttp2(await server.socket());
    client.send(whole.subarray(0, length));
    if (length < whole.length) {
      // The server answers the preface by its SETTINGS: what was given back has been read when they come.
      await client.frameOf(FrameType.settings);
      client.send(whole.subarray(length));
    }
    assert.equal((await client.responseOf(1)).status, 200);
    client.destroy();
  }
});

test("a broken preface ends the connection, and nothing else", async () => {
  const server = await start({ onExchange: answer, initialBytes: 24 });
  const client = new RawHttp2(await server.socket());
  client.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n and then some more"));
  await client.untilClosed();
  const other = await server.client();
  other.send(GET);
  assert.equal((await other.responseOf(1)).status, 200);
});

for (const end of ["drain", "destroy"] as const) {
  test(`${end} at once after the first bytes were given back closes the connection and throws nowhere`, async () => {
    const server = await start({
      onExchange: answer,
      initialBytes: 24,
      onConnection: (connection) => connection[end](),
    });
    const client = new RawHttp2(await server.socket());
    client.send(PREFACE, settingsFrame(), GET);
    await client.untilClosed();
    await server.untilClosed(1);
  });
}

test("drain finishes open streams, refuses later ones by GOAWAY, and closes", async () => {
  const server = await start();
  const client = await server.client();
  client.send(GET, headersFrame(3, requestPairs({ ":method": "POST" }), false));
  await client.settle();
  first(server).drain();
  assert.equal(await lastStreamOf(client), 3);
  assert.equal(await client.goawayCode(), ErrorCode.noError);
  client.send(headersFrame(5, requestPairs()));
  const [get, post] = server.exchanges;
  assert.ok(get && post);
  get.respond(200, "get");
  post.stream.resumeRequest();
  client.send(dataFrame(3, "body", true));
  await post.until(() => post.isEnded);
  post.respond(200, post.body);
  await client.untilClosed();
  assert.equal(client.response(1).body, "get");
  assert.equal(client.response(3).body, "body");
  assert.equal(client.response(5).status, 0);
  assert.equal(server.exchanges.length, 2);
  await server.untilClosed(1);
  assert.deepEqual(server.closed, [first(server)]);
});

test("streams that were on their way when drain began are served, until the client has answered the PING behind it", async () => {
  const server = await start({ onExchange: answer });
  const client = await server.client();
  client.answersPings = false;
  await client.settle();
  first(server).drain();
  await client.until(
    () => client.frames.filter(({ type, flags }) => type === FrameType.ping && flags === 0).length === 1,
  );
  const [asked] = client.frames.filter(({ type, flags }) => type === FrameType.ping && flags === 0);
  assert.ok(asked);
  assert.deepEqual(goawaysOf(client), [MAX_STREAM_ID]);
  assert.equal(await client.goawayCode(), ErrorCode.noError);
  client.send(GET);
  assert.equal((await client.responseOf(1)).status, 200);
  client.send(frame(FrameType.ping, Flag.ack, 0, Buffer.alloc(8)), headersFrame(3, requestPairs()));
  assert.equal((await client.responseOf(3)).status, 200, "an answer to another PING changes nothing");
  client.send(headersFrame(5, requestPairs()), frame(FrameType.ping, Flag.ack, 0, asked.payload));
  client.send(headersFrame(7, requestPairs()));
  assert.equal(await lastStreamOf(client), 5);
  await client.untilClosed();
  assert.equal(client.response(5).status, 200);
  assert.equal(client.response(7).status, 0);
  assert.equal(server.exchanges.length, 3);
});

test("a client that does not answer the PING is waited for a second or two", async () => {
  const server = await start({ onExchange: answer });
  const client = await server.client();
  client.answersPings = false;
  await client.settle();
  first(server).drain();
  await client.frameOf(FrameType.goaway);
  server.advance(1_100);
  client.send(GET);
  assert.equal((await client.responseOf(1)).status, 200);
  assert.deepEqual(goawaysOf(client), [MAX_STREAM_ID]);
  server.advance(1_100);
  assert.equal(await lastStreamOf(client), 1);
  await client.untilClosed();
});

test("a connection that breaks the rules while it is drained says so in its last GOAWAY", async () => {
  const server = await start();
  const client = await server.client();
  client.answersPings = false;
  client.send(GET);
  await client.settle();
  first(server).drain();
  await client.frameOf(FrameType.goaway);
  client.send(frame(FrameType.data, 0, 0));
  await client.untilClosed();
  const codes = client.frames
    .filter(({ type }) => type === FrameType.goaway)
    .map(({ payload }) => payload.readUInt32BE(4));
  assert.deepEqual(goawaysOf(client), [MAX_STREAM_ID, 1]);
  assert.deepEqual(codes, [ErrorCode.noError, ErrorCode.protocolError]);
});

test("a client that does not acknowledge the settings within ten seconds loses its connection", async () => {
  const server = await start();
  const silent = await server.client();
  const good = await server.client();
  good.send(settingsAckFrame());
  for (const client of [silent, good]) await client.settle();
  for (let second = 0; second < 10; second++) server.advance(1_100);
  await silent.settle();
  assert.equal(silent.isClosed, false, "the time begins when the preface is found to be there");
  server.advance(1_100);
  assert.equal(await silent.goawayCode(), ErrorCode.settingsTimeout);
  await silent.untilClosed();
  assert.deepEqual(
    server.refused.map(({ type }) => type),
    ["request-timeout"],
  );
  await good.settle();
  assert.equal(good.isClosed, false);
});

test("drain of a connection without streams closes it", async () => {
  const server = await start();
  const client = await server.client();
  await client.settle();
  first(server).drain();
  assert.equal(await client.goawayCode(), ErrorCode.noError);
  await client.untilClosed();
});

test("a drained connection whose client does not close is closed by us", async () => {
  const server = await start({ allowHalfOpen: true });
  const client = new RawHttp2(await server.socket({ allowHalfOpen: true }));
  client.start();
  await client.settle();
  first(server).drain();
  assert.equal(await lastStreamOf(client), 0);
  for (let second = 0; second < 5; second++) server.advance(1_100);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.closed.length, 0);
  for (let second = 0; second < 10; second++) server.advance(1_100);
  await server.untilClosed(1);
});

test("destroy ends the connection under its streams, which are cut", async () => {
  const server = await start();
  const client = await server.client();
  client.send(GET);
  await client.settle();
  const [exchange] = server.exchanges;
  assert.ok(exchange);
  exchange.begin(200);
  exchange.stream.sendBody(Buffer.from("part"));
  await client.until(() => client.response(1).body === "part");
  first(server).destroy();
  await client.untilClosed();
  assert.equal(client.response(1).isEnded, false);
  assert.equal(exchange.closedBy?.type, "client-closed");
});

test("destroy frees the socket of a client that reads nothing", async () => {
  const server = await start({
    onExchange: (exchange) => {
      exchange.begin(200);
      exchange.react = () => {
        while (exchange.closedBy === null && exchange.stream.sendBody(Buffer.alloc(65_536)));
      };
      exchange.react(exchange);
    },
  });
  const client = await server.client([[constants.NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x7fffffff]]);
  client.send(Buffer.from(settingsFrame()), GET);
  await client.frameOf(FrameType.data, 1);
  client.stopReading();
  first(server).destroy();
  server.advance(1_100);
  const [exchange] = server.exchanges;
  assert.ok(exchange);
  await exchange.until(() => exchange.closedBy !== null);
  await server.untilClosed(1);
});

test("an idle connection is drained after its time, one with an open stream is not", async () => {
  const server = await start({ limits: { idleTimeoutMs: 5_000 } });
  const idle = await server.client();
  const busy = await server.client();
  busy.send(GET);
  await idle.settle();
  await busy.settle();
  assert.deepEqual(
    server.connections.map((connection) => connection.isIdle),
    [true, false],
  );
  for (let second = 0; second < 4; second++) server.advance(1_100);
  await idle.settle();
  assert.equal(idle.isClosed, false);
  server.advance(1_100);
  assert.equal(await idle.goawayCode(), ErrorCode.noError);
  await idle.untilClosed();
  await busy.settle();
  assert.equal(busy.isClosed, false);
});

test("a connection is drained after its number of requests", async () => {
  const server = await start({ limits: { maxRequests: 3 }, onExchange: answer });
  const client = await server.client();
  for (const id of [1, 3, 5]) {
    client.send(headersFrame(id, requestPairs()));
    assert.equal((await client.responseOf(id)).status, 200);
  }
  assert.equal(await lastStreamOf(client), 5);
  await client.untilClosed();
});

test("node's own client is served: many streams at once, bodies both ways, trailers", async () => {
  const server = await start({
    onExchange: (exchange) => {
      exchange.stream.resumeRequest();
      exchange.react = () => {
        if (!exchange.isEnded || exchange.closedBy !== null) return;
        exchange.respond(200, `${exchange.request.target}:${exchange.body.length}`);
        exchange.react = () => {};
      };
    },
  });
  const { port } = server.server.address() as AddressInfo;
  const session = connect(`http://127.0.0.1:${port}`);
  const bodies = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const request = session.request({ ":method": "POST", ":path": `/${i}` });
      request.end(Buffer.alloc(i * 900));
      let body = "";
      for await (const chunk of request) body += String(chunk);
      return body;
    }),
  );
  assert.deepEqual(
    bodies,
    Array.from({ length: 100 }, (_, i) => `/${i}:${i * 900}`),
  );
  session.close();
  await once(session, "close");
  assert.equal(first(server).openStreams, 0);
});
