import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RequestHead } from "../http/messages.ts";
import { UNKNOWN_LENGTH } from "../http/messages.ts";
import { Http2RequestParser, readTrailers } from "./request-head.ts";

const LIMITS = { maxHeaderCount: 10, maxHeaderBytes: 1000, maxRequestLineBytes: 100 };

function lines(changes: Record<string, string | null> = {}, more: readonly string[] = []): string[] {
  const pseudo: Record<string, string | null> = {
    ":method": "GET",
    ":scheme": "https",
    ":authority": "Shop.Example:8443",
    ":path": "/cart?x=1",
    ...changes,
  };
  return [...Object.entries(pseudo).flatMap(([name, value]) => (value === null ? [] : [name, value])), ...more];
}

function parse(raw: readonly string[], endOfStream = true): RequestHead {
  const parser = new Http2RequestParser(LIMITS);
  const head = parser.parse(raw, endOfStream);
  assert.ok(head, `${parser.failure}: ${parser.reason}`);
  return head;
}

function failureOf(raw: readonly string[], endOfStream = true): string {
  const parser = new Http2RequestParser(LIMITS);
  assert.equal(parser.parse(raw, endOfStream), null);
  assert.notEqual(parser.reason, "");
  return parser.failure;
}

test("a head carries target, authority, host and headers, with the authority as its Host line", () => {
  const head = parse(lines({}, ["accept", "*/*", "x-one", "1"]));
  assert.equal(head.method, "GET");
  assert.equal(head.target, "/cart?x=1");
  assert.equal(head.authority, "Shop.Example:8443");
  assert.equal(head.host, "shop.example");
  assert.equal(head.version, 20);
  assert.equal(head.contentLength, 0);
  assert.deepEqual(head.headers.toPairs(), ["host", "Shop.Example:8443", "accept", "*/*", "x-one", "1"]);
  assert.equal(head.headers.get("host"), "Shop.Example:8443");
});

test("Host alone names the authority, and stands once", () => {
  const head = parse(lines({ ":authority": null }, ["x", "y", "host", "a.example"]));
  assert.equal(head.authority, "a.example");
  assert.deepEqual(head.headers.toPairs(), ["host", "a.example", "x", "y"]);
});

test("Host and :authority that agree but for case are one, that differ are refused", () => {
  assert.equal(parse(lines({}, ["host", "shop.example:8443"])).authority, "Shop.Example:8443");
  assert.equal(failureOf(lines({}, ["host", "other.example"])), "malformed-request");
  assert.equal(failureOf(lines({}, ["host", "shop.example"])), "malformed-request");
});

test("crumbs of a cookie become one header in its first place", () => {
  const head = parse(lines({}, ["cookie", "a=1", "x", "y", "cookie", "b=2", "cookie", "c=3"]));
  assert.deepEqual(head.headers.toPairs().slice(2), ["cookie", "a=1; b=2; c=3", "x", "y"]);
});

test("crumbs of a cookie count as one header and by their bytes", () => {
  const crumbs = Array.from({ length: 40 }, (_, i) => ["cookie", `c${i}=1`]).flat();
  assert.equal(parse(lines({}, crumbs)).headers.getAll("cookie").length, 1);
  const large = Array.from({ length: 20 }, () => ["cookie", "x".repeat(50)]).flat();
  assert.equal(failureOf(lines({}, large)), "headers-too-large");
});

test("the body's length is what is declared, unknown, or none", () => {
  assert.equal(parse(lines({ ":method": "POST" }, ["content-length", "12"]), false).contentLength, 12);
  assert.equal(parse(lines({ ":method": "POST" }), false).contentLength, UNKNOWN_LENGTH);
  assert.equal(parse(lines({ ":method": "POST" }), true).contentLength, 0);
});

test("Expect: 100-continue counts where a body follows, another expectation is refused", () => {
  assert.equal(parse(lines({}, ["expect", "100-Continue"]), false).expectsContinue, true);
  assert.equal(parse(lines({}, ["expect", "100-continue"]), true).expectsContinue, false);
  assert.equal(failureOf(lines({}, ["expect", "200-ok"])), "expectation-failed");
});

test("te: trailers is noticed", () => {
  const parser = new Http2RequestParser(LIMITS);
  assert.ok(parser.parse(lines({}, ["te", "trailers"]), true));
  assert.equal(parser.acceptsTrailers, true);
  assert.ok(parser.parse(lines(), true));
  assert.equal(parser.acceptsTrailers, false);
});

test("CONNECT is served for websocket only", () => {
  const head = parse(lines({ ":method": "CONNECT", ":protocol": "websocket" }, ["sec-websocket-version", "13"]), false);
  assert.equal(head.method, "GET");
  assert.equal(head.upgrade, "websocket");
  assert.match(head.headers.get("sec-websocket-key") ?? "", /^[A-Za-z0-9+/]{22}==$/);
  assert.equal(head.contentLength, 0);
  assert.equal(failureOf(lines({ ":method": "CONNECT", ":protocol": "connect-udp" }), false), "not-implemented");
  assert.equal(failureOf([":method", "CONNECT", ":authority", "a.example:443"], false), "not-implemented");
  assert.equal(failureOf(lines({ ":protocol": "websocket" }), false), "malformed-request");
  assert.equal(failureOf(lines({ ":method": "CONNECT", ":protocol": "websocket" }), true), "malformed-request");
});

test("underscore aliases of headers that the proxy sets are dropped", () => {
  assert.deepEqual(
    parse(lines({}, ["x_forwarded_for", "1.2.3.4", "my_header", "1"]))
      .headers.toPairs()
      .slice(2),
    ["my_header", "1"],
  );
});

test("limits have their own answers", () => {
  const many = Array.from({ length: 10 }, (_, i) => [`x-${i}`, "1"]).flat();
  assert.equal(failureOf(lines({}, many)), "headers-too-large");
  assert.ok(parse(lines({}, many.slice(2))));
  assert.equal(failureOf(lines({}, ["x", "y".repeat(1000)])), "headers-too-large");
  assert.equal(failureOf(lines({ ":path": `/${"a".repeat(100)}` })), "uri-too-long");
});

const MALFORMED: Record<string, string[]> = {
  "no method": lines({ ":method": null }),
  "no scheme": lines({ ":scheme": null }),
  "no path": lines({ ":path": null }),
  "no authority": lines({ ":authority": null }),
  "empty path": lines({ ":path": "" }),
  "relative path": lines({ ":path": "cart" }),
  "absolute form": lines({ ":path": "http://shop.example/" }),
  "asterisk of a GET": lines({ ":path": "*" }),
  "space in the path": lines({ ":path": "/a b" }),
  "fragment in the path": lines({ ":path": "/a#b" }),
  "control character in the path": lines({ ":path": "/a\u0001" }),
  "non-ASCII in the path": lines({ ":path": "/\u00e9" }),
  "method in lower case": lines({ ":method": "get" }),
  "method with a space": lines({ ":method": "GET /" }),
  "scheme that is not the web's": lines({ ":scheme": "ftp" }),
  "userinfo in the authority": lines({ ":authority": "user@shop.example" }),
  "space in the authority": lines({ ":authority": "shop example" }),
  "empty authority": lines({ ":authority": "" }),
  "port that is no number": lines({ ":authority": "shop.example:http" }),
  "pseudo-header twice": lines({}).concat(lines({ ":path": null })),
  "unknown pseudo-header": lines({ ":version": "2" }),
  "response pseudo-header": lines({ ":status": "200" }),
  "pseudo-header after a header": lines({ ":path": null }, ["x", "y", ":path", "/"]),
  connection: lines({}, ["connection", "close"]),
  "keep-alive": lines({}, ["keep-alive", "timeout=1"]),
  "proxy-connection": lines({}, ["proxy-connection", "close"]),
  "transfer-encoding": lines({}, ["transfer-encoding", "chunked"]),
  upgrade: lines({}, ["upgrade", "h2c"]),
  "te that is not trailers": lines({}, ["te", "gzip"]),
  "content-length twice": lines({}, ["content-length", "1", "content-length", "1"]),
  "content-length with a sign": lines({}, ["content-length", "+1"]),
  "content-length list": lines({}, ["content-length", "1, 1"]),
  "host twice": lines({}, ["host", "shop.example:8443", "host", "shop.example:8443"]),
};

for (const [what, raw] of Object.entries(MALFORMED)) {
  test(`refuses: ${what}`, () => {
    assert.equal(failureOf(raw, false), "malformed-request");
  });
}

test("OPTIONS * is served", () => {
  assert.equal(parse(lines({ ":method": "OPTIONS", ":path": "*" })).target, "*");
});

test("whatever lines come, a head that is accepted is one that HTTP/1 can carry", () => {
  const text = fc.string({ unit: "binary-ascii", maxLength: 12 });
  const pseudo = fc.record({
    ":method": fc.oneof(fc.constant("GET"), fc.constant("CONNECT"), text),
    ":scheme": fc.oneof(fc.constant("http"), text),
    ":authority": fc.oneof(fc.constant("a.example"), text),
    ":path": fc.oneof(fc.constant("/"), text),
  });
  const name = fc.constantFrom("host", "cookie", "content-length", "te", "expect", "x-one", "upgrade", ":path");
  const more = fc.array(fc.tuple(name, fc.oneof(text, fc.constant("a.example"), fc.constant("3"))), { maxLength: 6 });
  fc.assert(
    fc.property(pseudo, more, fc.boolean(), (head, rest, endOfStream) => {
      const parser = new Http2RequestParser(LIMITS);
      const request = parser.parse([...Object.entries(head).flat(), ...rest.flat()], endOfStream);
      if (request === null) return;
      assert.match(request.method, /^[-_0-9A-Z]+$/);
      assert.match(request.target, /^(?:\/[\x21-\x7e]*|\*)$/);
      assert.match(request.authority, /^[-._:[\]0-9A-Za-z]+$/);
      assert.equal(request.headers.getAll("host").length, 1);
      assert.ok(request.headers.getAll("cookie").length <= 1);
      assert.ok(request.headers.getAll("content-length").length <= 1);
      assert.equal(request.headers.get("upgrade"), null);
    }),
  );
});

test("trailers keep what may stand there", () => {
  assert.equal(readTrailers(["content-length", "1", "host", "x", "transfer-encoding", "chunked"]), null);
  assert.deepEqual(readTrailers(["grpc-status", "0", "content-length", "1"])?.toPairs(), ["grpc-status", "0"]);
});
