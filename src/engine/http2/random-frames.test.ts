// Whatever frames a client sends, in whatever order, it costs at most its own connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeHeaders, NEWEST_ENTRY } from "../../../test/support/hpack.ts";
import { startTestServer } from "../../../test/support/http2-server.ts";
import {
  dataFrame,
  frame,
  FrameType,
  headersFrame,
  requestPairs,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../test/support/raw-http2.ts";

const RUNS = 150;

const streamId = fc.oneof(fc.constantFrom(1, 3, 5, 7), fc.constantFrom(0, 2, 0x7fffffff));
const payload = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const method = fc.constantFrom("GET", "HEAD", "POST", "CONNECT", "OPTIONS");
const line = fc.constantFrom(
  ["te", "trailers"] as const,
  ["content-length", "3"] as const,
  ["expect", "100-continue"] as const,
  ["cookie", "a=1"] as const,
  ["host", "other.example"] as const,
  ["connection", "close"] as const,
);
const anyFrame = fc.oneof(
  fc
    .tuple(streamId, method, fc.array(line, { maxLength: 3 }), fc.boolean())
    .map(([id, verb, more, end]) => headersFrame(id, requestPairs({ ":method": verb }, more), end)),
  fc.tuple(streamId, payload, fc.boolean()).map(([id, bytes, end]) => dataFrame(id, bytes, end)),
  fc.tuple(streamId, fc.nat(13)).map(([id, code]) => rstStreamFrame(id, code)),
  fc.tuple(streamId, fc.nat(0x7fffffff)).map(([id, increment]) => windowUpdateFrame(id, increment)),
  fc.tuple(fc.nat(9), fc.nat(0x7fffffff)).map(([id, value]) => settingsFrame([[id, value]])),
  fc
    .tuple(streamId, payload)
    .map(([id, bytes]) => frame(FrameType.headers, 5, id, Buffer.concat([NEWEST_ENTRY, bytes]))),
  fc.tuple(streamId, payload).map(([id, bytes]) => frame(FrameType.continuation, 4, id, bytes)),
  fc.tuple(streamId, fc.constant(encodeHeaders([["x-trailer", "1"]]))).map(([id, bytes]) => frame(1, 5, id, bytes)),
  fc
    .tuple(fc.nat(255), fc.nat(255), streamId, payload)
    .map(([type, flags, id, bytes]) => frame(type, flags, id, bytes)),
);

test("random frames never harm another connection", { timeout: 60_000 }, async () => {
  let count = 0;
  const server = await startTestServer({
    onExchange: (exchange) => {
      const kind = count++ % 5;
      if (kind === 0) exchange.respond(200, "at once");
      else if (kind === 1) setImmediate(() => exchange.respond(204, null));
      else if (kind === 2) exchange.begin(200);
      else if (kind === 3) {
        exchange.stream.resumeRequest();
        exchange.react = () => {
          if (!exchange.isEnded || exchange.closedBy !== null) return;
          exchange.react = () => {};
          exchange.respond(200, exchange.body);
        };
      } else exchange.stream.startTunnel();
    },
  });
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 12 }), async (frames) => {
        const client = await server.client();
        client.send(...frames);
        await client.settle();
        client.destroy();
        const other = await server.client();
        other.send(headersFrame(1, requestPairs({ ":path": "/#" })));
        assert.equal((await other.responseOf(1)).status, 400);
        other.destroy();
      }),
      { numRuns: RUNS },
    );
    await server.untilClosed(server.connections.length);
    for (const connection of server.connections) assert.equal(connection.openStreams, 0);
    for (const exchange of server.exchanges) {
      if (exchange.closedBy === null) continue;
      assert.equal(exchange.closedBy.source, "downstream");
    }
  } finally {
    server.close();
  }
});
