// Windows in both directions over the wire (RFC 9113 §5.2, §6.9), and what a connection holds at most.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { type Exchange, startTestServer, type TestServer } from "../../../test/support/http2-server.ts";
import {
  dataFrame,
  ErrorCode,
  Flag,
  frame,
  FrameType,
  headersFrame,
  type RawHttp2,
  requestPairs,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../test/support/raw-http2.ts";
import { ReceiveWindow, SendWindow } from "./flow-control.ts";
import { encodeHeaders } from "../../../test/support/hpack.ts";

const INITIAL_WINDOW_SIZE = 4;
const MAX_INT31 = 0x7fffffff;
const servers: TestServer[] = [];

after(() => {
  for (const server of servers) server.close();
});

async function start(options: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const server = await startTestServer(options);
  servers.push(server);
  return server;
}

function post(id: number): Buffer {
  return headersFrame(id, requestPairs({ ":method": "POST" }), false);
}

function get(id: number): Buffer {
  return headersFrame(id, requestPairs());
}

/** Bytes that the client may send on the connection, or on a stream, after what it was told. */
function updates(client: RawHttp2, streamId: number): number {
  let sum = 0;
  for (const one of client.frames) {
    if (one.type === FrameType.windowUpdate && one.streamId === streamId) sum += one.payload.readUInt32BE(0);
  }
  return sum;
}

test("all requests of a connection together wait in its window, and no byte beyond is taken", async () => {
  const server = await start();
  const client = await server.client();
  client.send(frame(FrameType.settings, Flag.ack, 0));
  await client.settle();
  const window = 65_535 + updates(client, 0);
  assert.equal(window, 1024 * 1024);
  let left = window;
  for (let id = 1; left > 0; id += 2) {
    client.send(post(id));
    for (let i = 0; i < 8 && left > 0; i++) {
      const bytes = Math.min(left, 16_384);
      client.send(dataFrame(id, Buffer.alloc(bytes)));
      left -= bytes;
    }
  }
  await client.settle();
  assert.equal(client.isClosed, false);
  assert.equal(updates(client, 0), window - 65_535);
  client.send(post(301), dataFrame(301, "x"));
  assert.equal(await client.goawayCode(), ErrorCode.flowControlError);
});

test("the connection's window opens as bodies are read, streams are reset or padding comes", async () => {
  const server = await start();
  const client = await server.client();
  client.send(frame(FrameType.settings, Flag.ack, 0));
  await client.settle();
  const first = updates(client, 0);
  const padded = Buffer.concat([Buffer.from([255]), Buffer.alloc(1000), Buffer.alloc(255)]);
  for (let round = 0; round < 12; round++) {
    const id = round * 2 + 1;
    client.send(post(id));
    for (let i = 0; i < 90; i++) client.send(frame(FrameType.data, Flag.padded, id, padded));
    await client.settle();
    const exchange = server.exchanges[round] as Exchange;
    if (round % 2 === 0) exchange.stream.resumeRequest();
    else client.send(rstStreamFrame(id));
    await client.settle();
  }
  const sent = 12 * 90 * padded.length;
  const told = updates(client, 0) - first;
  assert.ok(told <= sent && told > sent - 300_000, `${told} of ${sent} bytes were given back`);
});

test("a window that is made smaller may become negative, and is waited for", async () => {
  const server = await start();
  const client = await server.client([[INITIAL_WINDOW_SIZE, 1000]]);
  client.send(get(1));
  await client.settle();
  const exchange = server.exchanges[0] as Exchange;
  exchange.respond(200, "x".repeat(1500));
  await client.settle();
  client.send(settingsFrame([[INITIAL_WINDOW_SIZE, 100]]), windowUpdateFrame(1, 900));
  await client.settle();
  assert.equal(client.response(1).body.length, 1000);
  client.send(windowUpdateFrame(1, 1));
  await client.settle();
  assert.equal(client.response(1).body.length, 1001);
  client.send(windowUpdateFrame(1, 499));
  assert.equal((await client.responseOf(1)).body.length, 1500);
});

for (const [what, opening] of [
  ["its window", windowUpdateFrame(1, 300_000)],
  ["all windows", settingsFrame([[INITIAL_WINDOW_SIZE, 300_000]])],
] as const) {
  test(`a response that waited goes out whole once one frame opens ${what} far enough`, async () => {
    const server = await start({ onExchange: (exchange) => exchange.respond(200, "x".repeat(300_000)) });
    const client = await server.client([[INITIAL_WINDOW_SIZE, 0]]);
    client.send(windowUpdateFrame(0, 1_000_000), get(1));
    await client.settle();
    assert.equal(client.response(1).body, "");
    client.send(opening);
    assert.equal((await client.responseOf(1)).body.length, 300_000);
  });
}

test("streams that share a window that is too small all get their turn", async () => {
  const server = await start({
    onExchange: (exchange) => exchange.respond(200, "x".repeat(300_000)),
  });
  const client = await server.client([[INITIAL_WINDOW_SIZE, MAX_INT31]]);
  client.send(...[1, 3, 5, 7].map(get));
  for (let i = 0; i < 8; i++) {
    await client.settle();
    client.send(windowUpdateFrame(0, 65_536));
  }
  await client.settle();
  for (const id of [1, 3, 5, 7]) assert.ok(client.response(id).body.length >= 65_536, `stream ${id} got nothing`);
  client.send(windowUpdateFrame(0, 10_000_000));
  for (const id of [1, 3, 5, 7]) assert.equal((await client.responseOf(id)).body.length, 300_000);
});

for (const [what, frames, code] of [
  ["the connection's window", [windowUpdateFrame(0, MAX_INT31)], ErrorCode.flowControlError],
  ["every stream's", [settingsFrame([[INITIAL_WINDOW_SIZE, MAX_INT31]])], ErrorCode.flowControlError],
  ["an initial window", [settingsFrame([[INITIAL_WINDOW_SIZE, 0x80000000]])], ErrorCode.flowControlError],
  ["by nothing the connection's window", [windowUpdateFrame(0, 0)], ErrorCode.protocolError],
] as const) {
  test(`a client that grows ${what} beyond what HTTP/2 allows ends its connection`, async () => {
    const server = await start();
    const client = await server.client();
    client.send(get(1), windowUpdateFrame(1, 1), ...frames);
    assert.equal(await client.goawayCode(), code);
    assert.equal(server.exchanges[0]?.closedBy?.type, "client-closed");
  });
}

test("a client that asks for answers and reads none is not read any more", async () => {
  const server = await start({
    onExchange: (exchange) => exchange.respond(200, null, ["x-large", "y".repeat(20_000)]),
    limits: { maxRequests: 1_000_000 },
  });
  const client = await server.client();
  client.stopReading();
  let sent = 0;
  // Until the kernel takes no more: nobody reads at the other end.
  for (; sent < 2_000; sent++) {
    client.send(get(sent * 2 + 1));
    if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(server.exchanges.length < 1_000, `${server.exchanges.length} requests were answered`);
  client.continueReading();
  await client.until(() => server.exchanges.length === sent || client.isClosed);
  assert.equal(client.isClosed, false);
});

test("the preface and header blocks have a deadline, a body that comes slowly has not this one", async () => {
  const server = await start();
  const silent = await server.socket();
  const partial = await server.client();
  const block = encodeHeaders(requestPairs());
  partial.send(frame(FrameType.headers, Flag.endStream, 1, block.subarray(0, 10)));
  const cut = await server.client();
  cut.send(headersFrame(1, requestPairs()).subarray(0, 15));
  const slow = await server.client();
  slow.send(post(1), dataFrame(1, "a long body").subarray(0, 12));
  await slow.frameOf(FrameType.settings);
  await partial.frameOf(FrameType.settings);
  await cut.frameOf(FrameType.settings);
  for (let second = 0; second < 14; second++) server.advance(1_100);
  assert.equal(await partial.goawayCode(), ErrorCode.enhanceYourCalm);
  assert.equal(await cut.goawayCode(), ErrorCode.enhanceYourCalm);
  assert.equal(slow.isClosed, false);
  assert.ok(server.refused.every((error) => error.type === "request-timeout"));
  silent.destroy();
});

test("a send window never exceeds 31 bits, a receive window never what was taken", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(MAX_INT31)), { maxLength: 20 }), (steps) => {
      const window = new SendWindow(65_535);
      for (const [isGrowth, bytes] of steps) {
        const before = window.available;
        if (!isGrowth) window.take(Math.min(bytes, Math.max(before, 0)));
        else if (!window.grow(bytes)) assert.equal(window.available, before);
        assert.ok(window.available <= MAX_INT31);
      }
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(5_000), { maxLength: 200 }), (parts) => {
      const window = new ReceiveWindow(10_000, 2_500);
      let waiting = 0;
      let allowed = 10_000;
      for (const bytes of parts) {
        const fits = bytes <= allowed;
        assert.equal(window.receive(bytes), fits);
        if (!fits) return;
        allowed -= bytes;
        waiting += bytes;
        const taken = waiting >> 1;
        waiting -= taken;
        allowed += window.release(taken);
        assert.ok(allowed + waiting <= 10_000);
      }
    }),
  );
});
