// Our HPACK beside nghttp2's, which node:http2 brings: each reads what the other writes, over one connection, so that
// the tables of both live through many blocks.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import fc from "fast-check";
import { startTestServer, type TestServer } from "../../../test/support/http2-server.ts";

const servers: TestServer[] = [];

after(() => {
  for (const server of servers) server.close();
});

/** Few names, so that lines repeat and are indexed; values of all the bytes that a field may have. */
const lines = fc.array(
  fc.tuple(
    fc.oneof(fc.constantFrom("x-a", "x-b", "accept", "user-agent", "etag"), fc.stringMatching(/^x-[a-z0-9_.-]{1,30}$/)),
    fc.oneof(
      fc.constantFrom("", "1", "gzip, deflate", "no-cache"),
      fc.stringMatching(/^[\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff]{0,60}[\x21-\x7e\x80-\xff])?$/),
      fc.integer({ min: 1, max: 5000 }).map((length) => "v".repeat(length)),
    ),
  ),
  { maxLength: 12 },
);

async function session(server: TestServer, headerTableSize: number): Promise<ClientHttp2Session> {
  const { port } = server.server.address() as AddressInfo;
  // Not among the types of a client's options yet.
  const options = { settings: { headerTableSize }, strictSingleValueFields: false };
  const client = connect(`http://127.0.0.1:${port}`, options);
  await once(client, "remoteSettings");
  return client;
}

for (const headerTableSize of [4096, 0, 65_536]) {
  test(`requests and responses are the same on both sides, the client's table ${headerTableSize} bytes`, async () => {
    const server = await startTestServer({ limits: { maxRequests: 1_000_000 } });
    servers.push(server);
    const client = await session(server, headerTableSize);
    await fc.assert(
      fc.asyncProperty(lines, lines, fc.constantFrom(200, 404, 418, 599), async (asked, answered, status) => {
        const request = client.request([
          ":path",
          "/",
          ":method",
          "GET",
          ":authority",
          "a",
          ":scheme",
          "http",
          ...asked.flat(),
        ]);
        const exchange = await nextExchange(server);
        assert.deepEqual(exchange.request.headers.toPairs(), ["host", "a", ...asked.flat()]);
        exchange.respond(status, null, answered.flat());
        const [, , raw] = (await once(request, "response")) as [unknown, unknown, string[]];
        assert.deepEqual(raw, [":status", String(status), ...answered.flat(), "content-length", "0"]);
        request.resume();
        await once(request, "close");
      }),
      { numRuns: 120 },
    );
    client.destroy();
  });
}

async function nextExchange(server: TestServer): Promise<TestServer["exchanges"][number]> {
  while (server.exchanges.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const [exchange] = server.exchanges.splice(0);
  assert.ok(exchange);
  return exchange;
}
