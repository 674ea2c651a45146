// Requests that break HTTP/2's rules and requests that we don't serve, over the wire: the first reset their stream, the
// others are answered.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { NEWEST_ENTRY, encodeHeaders, encodeIndexedLiteral, type HeaderPair } from "../../../test/support/hpack.ts";
import { startTestServer, type TestServer } from "../../../test/support/http2-server.ts";
import {
  dataFrame,
  ErrorCode,
  Flag,
  frame,
  FrameType,
  headersFrame,
  type RawHttp2,
  requestPairs,
} from "../../../test/support/raw-http2.ts";

let server: TestServer;

before(async () => {
  server = await startTestServer({
    onExchange: (exchange) => {
      if (exchange.request.contentLength === 0) exchange.respond(200, "ok");
      else exchange.stream.resumeRequest();
      exchange.react = () => {
        if (exchange.isEnded) exchange.respond(200, exchange.body);
      };
    },
  });
});

after(() => {
  server.close();
});

async function withClient(use: (client: RawHttp2) => Promise<void>): Promise<void> {
  const client = await server.client();
  const exchangesBefore = server.exchanges.length;
  try {
    await use(client);
  } finally {
    client.destroy();
  }
  server.exchanges.length = exchangesBefore;
}

/** The stream is reset and nothing of it is seen. */
const RESET: Record<string, readonly HeaderPair[]> = {
  "upper case in a name": requestPairs({}, [["Accept", "x"]]),
  "a pseudo-header twice": requestPairs({}, [[":path", "/"]]),
  "a pseudo-header after a header": [...requestPairs({ ":path": null }), ["x", "y"], [":path", "/"]],
  "an unknown pseudo-header": [...requestPairs(), [":version", "2"]],
  "a response's pseudo-header": [...requestPairs(), [":status", "200"]],
  "no method": requestPairs({ ":method": null }),
  "no scheme": requestPairs({ ":scheme": null }),
  "no path": requestPairs({ ":path": null }),
  "neither authority nor host": requestPairs({ ":authority": null }),
  "an empty path": requestPairs({ ":path": "" }),
  "a relative path": requestPairs({ ":path": "cart" }),
  "absolute form": requestPairs({ ":path": "http://shop.example/" }),
  "a space in the path": requestPairs({ ":path": "/a b" }),
  "a control character in the path": requestPairs({ ":path": "/a\u0001" }),
  "CR LF in the path": requestPairs({ ":path": "/ HTTP/1.1\r\nHost: x" }),
  "a space in the method": requestPairs({ ":method": "GET /x HTTP/1.1" }),
  "userinfo in the authority": requestPairs({ ":authority": "u@shop.example" }),
  "a slash in the authority": requestPairs({ ":authority": "shop.example/x" }),
  "Host twice": requestPairs({ ":authority": null }, [
    ["host", "a"],
    ["host", "a"],
  ]),
  connection: requestPairs({}, [["connection", "close"]]),
  "keep-alive": requestPairs({}, [["keep-alive", "timeout=5"]]),
  "proxy-connection": requestPairs({}, [["proxy-connection", "close"]]),
  "transfer-encoding": requestPairs({}, [["transfer-encoding", "chunked"]]),
  upgrade: requestPairs({}, [["upgrade", "h2c"]]),
  "te: gzip": requestPairs({}, [["te", "gzip"]]),
  "content-length twice": requestPairs({}, [
    ["content-length", "0"],
    ["content-length", "0"],
  ]),
  "content-length with a sign": requestPairs({}, [["content-length", "+0"]]),
  "a list of lengths": requestPairs({}, [["content-length", "0, 0"]]),
  "an empty length": requestPairs({}, [["content-length", ""]]),
  "a length beyond 63 bits": requestPairs({}, [["content-length", "99999999999999999999"]]),
  "a length without a body": requestPairs({}, [["content-length", "5"]]),
  ":protocol without CONNECT": [...requestPairs(), [":protocol", "websocket"]],
  "CONNECT with a path and no protocol": requestPairs({ ":method": "CONNECT" }),
};

for (const [what, pairs] of Object.entries(RESET)) {
  test(`resets a stream with ${what}`, async () => {
    await withClient(async (client) => {
      client.send(headersFrame(1, pairs));
      assert.equal(await client.resetOf(1), ErrorCode.protocolError);
      client.send(headersFrame(3, requestPairs()));
      assert.equal((await client.responseOf(3)).status, 200);
      assert.equal(server.exchanges.length, 1);
    });
    server.exchanges.length = 0;
  });
}

/** Refused with an answer. */
const ANSWERED: Record<string, readonly [number, readonly HeaderPair[]]> = {
  "Host that differs from the authority": [400, requestPairs({}, [["host", "evil.example"]])],
  "an invalid Host beside the authority": [400, requestPairs({}, [["host", "a b"]])],
  "a fragment in the path": [400, requestPairs({ ":path": "/a#b" })],
  "non-ASCII in the path": [400, requestPairs({ ":path": "/\u00e9" })],
  "a method in lower case": [400, requestPairs({ ":method": "get" })],
  "another scheme": [400, requestPairs({ ":scheme": "ftp" })],
  "another scheme with a relative path": [400, requestPairs({ ":scheme": "ftp", ":path": "cart" })],
  "an authority that is no host": [400, requestPairs({ ":authority": "a!b" })],
  "an unknown expectation": [417, requestPairs({}, [["expect", "x"]])],
  "a path that is too long": [414, requestPairs({ ":path": `/${"a".repeat(9000)}` })],
  "101 headers": [
    431,
    requestPairs(
      {},
      Array.from({ length: 101 }, (_, i): HeaderPair => [`x-${i}`, "1"]),
    ),
  ],
  "headers of more than 32 KiB": [
    431,
    requestPairs(
      {},
      Array.from({ length: 3 }, (_, i): HeaderPair => [`x-${i}`, "1".repeat(11_000)]),
    ),
  ],
  CONNECT: [
    501,
    [
      [":method", "CONNECT"],
      [":authority", "shop.example:443"],
    ],
  ],
  "CONNECT of another protocol": [501, [...requestPairs({ ":method": "CONNECT" }), [":protocol", "connect-udp"]]],
};

/** A header block as HEADERS and as many CONTINUATION frames as it takes. */
function splitHeaders(streamId: number, block: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let position = 0; position < block.length; position += 16_384) {
    const isFirst = position === 0;
    const isLast = position + 16_384 >= block.length;
    const flags = (isFirst ? Flag.endStream : 0) | (isLast ? Flag.endHeaders : 0);
    const type = isFirst ? FrameType.headers : FrameType.continuation;
    parts.push(frame(type, flags, streamId, block.subarray(position, position + 16_384)));
  }
  return Buffer.concat(parts);
}

for (const [what, [status, pairs]] of Object.entries(ANSWERED)) {
  test(`answers ${status} to ${what}`, async () => {
    await withClient(async (client) => {
      client.send(splitHeaders(1, encodeHeaders(pairs)));
      const response = await client.responseOf(1);
      assert.equal(response.status, status);
      assert.equal(response.headers.get("cache-control"), "no-store");
      assert.match(response.body, new RegExp(`^${status} `));
      assert.equal(server.exchanges.length, 0);
    });
  });
}

/** RFC 9113 §8.2.1: such a field makes its request malformed, it is not only left out. */
const NO_FIELDS: Record<string, HeaderPair> = {
  "CR LF in a value": ["x", "a\r\nx-injected: 1"],
  "LF in a value": ["x", "a\nb"],
  "NUL in a value": ["x", "a\0b"],
  "DEL in a value": ["x", "a\u007fb"],
  "a space before a value": ["x", " a"],
  "a tab after a value": ["x", "a\t"],
  "a space in a name": ["x y", "a"],
  "a colon in a name": ["x:y", "a"],
  "CR LF in a name": ["x\r\ny", "a"],
  "a byte above ASCII in a name": ["x\u00e9", "a"],
  "an empty name": ["", "a"],
};

for (const [what, pair] of Object.entries(NO_FIELDS)) {
  test(`resets a stream with ${what}, also where it comes from the table`, async () => {
    await withClient(async (client) => {
      client.send(headersFrame(1, requestPairs({}, [pair, ["y", "kept"]])));
      assert.equal(await client.resetOf(1), ErrorCode.protocolError);
      const indexed = Buffer.concat([encodeHeaders(requestPairs()), encodeIndexedLiteral(...pair)]);
      const repeated = Buffer.concat([encodeHeaders(requestPairs()), NEWEST_ENTRY]);
      for (const [id, block] of [
        [3, indexed],
        [5, repeated],
      ] as const) {
        client.send(frame(FrameType.headers, Flag.endStream | Flag.endHeaders, id, block));
        assert.equal(await client.resetOf(id), ErrorCode.protocolError);
      }
      assert.equal(server.exchanges.length, 0);
    });
  });
}

test("HEAD that is refused is answered without a body", async () => {
  await withClient(async (client) => {
    client.send(headersFrame(1, requestPairs({ ":method": "HEAD", ":path": "/#" })));
    const response = await client.responseOf(1);
    assert.equal(response.status, 400);
    assert.equal(response.body, "");
    assert.equal(
      client.frames.some((one) => one.type === FrameType.data),
      false,
    );
  });
});

test("a body shorter than its content-length is not a complete request", async () => {
  await withClient(async (client) => {
    const head = headersFrame(1, requestPairs({ ":method": "POST" }, [["content-length", "3"]]), false);
    client.send(head, dataFrame(1, "ab", true));
    assert.equal(await client.resetOf(1), ErrorCode.protocolError);
    const [exchange] = server.exchanges;
    assert.ok(exchange);
    await exchange.until(() => exchange.closedBy !== null);
    assert.equal(exchange.isEnded, false);
    assert.equal(exchange.closedBy?.type, "client-closed");
  });
});

test("a body longer than its content-length is cut off", async () => {
  await withClient(async (client) => {
    const head = headersFrame(1, requestPairs({ ":method": "POST" }, [["content-length", "3"]]), false);
    client.send(head, dataFrame(1, "abcd", true));
    const response = await client.responseOf(1);
    assert.equal(response.status, 0);
    const [exchange] = server.exchanges;
    assert.ok(exchange);
    await exchange.until(() => exchange.closedBy !== null);
    assert.equal(exchange.isEnded, false);
  });
});

test("pseudo-headers in trailers reset the stream", async () => {
  await withClient(async (client) => {
    client.send(headersFrame(1, requestPairs({ ":method": "POST" }), false), headersFrame(1, [[":path", "/x"]]));
    assert.equal(await client.resetOf(1), ErrorCode.protocolError);
    const [exchange] = server.exchanges;
    assert.ok(exchange);
    await exchange.until(() => exchange.closedBy !== null);
    assert.equal(exchange.isEnded, false);
  });
});

test("a header list beyond twice the limit is reset, however small it was on the wire", async () => {
  await withClient(async (client) => {
    const bomb = Buffer.concat([
      encodeHeaders(requestPairs()),
      encodeIndexedLiteral("x", "y".repeat(4000)),
      ...Array.from({ length: 12_000 }, () => NEWEST_ENTRY),
    ]);
    client.send(frame(FrameType.settings, Flag.ack, 0), splitHeaders(1, bomb));
    assert.equal(await client.resetOf(1), ErrorCode.enhanceYourCalm);
    client.send(headersFrame(3, requestPairs()));
    assert.equal((await client.responseOf(3)).status, 200);
    assert.equal(server.exchanges.length, 1);
  });
});
