import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RequestHead } from "../http/messages.ts";
import { RequestParser } from "./request-parser.ts";

const LIMITS = { maxHeaderCount: 100, maxHeaderBytes: 32 * 1024, maxRequestLineBytes: 8 * 1024 };

function parse(text: string): { head: RequestHead | null; parser: RequestParser } {
  const parser = new RequestParser(LIMITS);
  const bytes = Buffer.from(text, "latin1");
  return { head: parser.parse(bytes, 0, bytes.length), parser };
}

function accept(text: string): RequestHead {
  const { head, parser } = parse(text);
  assert.notEqual(head, null, parser.reason);
  return head as RequestHead;
}

function refusal(text: string): string {
  const { head, parser } = parse(text);
  assert.equal(head, null, `accepted: ${JSON.stringify(text)}`);
  return parser.failure ?? "incomplete";
}

test("a plain request is read whole, header names keep their case", () => {
  const head = accept("GET /a/b?c=d HTTP/1.1\r\nHost: Shop.Example:8080\r\nX-CaSe: v\r\n\r\n");
  assert.equal(head.method, "GET");
  assert.equal(head.target, "/a/b?c=d");
  assert.equal(head.authority, "Shop.Example:8080");
  assert.equal(head.host, "shop.example");
  assert.equal(head.version, 11);
  assert.equal(head.contentLength, 0);
  assert.deepEqual(head.headers.toPairs(), ["Host", "Shop.Example:8080", "X-CaSe", "v"]);
});

test("the end of the head is where the body begins", () => {
  const text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  const { head, parser } = parse(text);
  assert.equal(head?.contentLength, 3);
  assert.equal(text.slice(parser.headEnd), "abc");
});

test("one empty line before a request is passed over, two are not", () => {
  assert.equal(accept("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").target, "/");
  assert.equal(refusal("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "malformed-request");
});

const MALFORMED: readonly [string, string][] = [
  ["both framings", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["equal lengths twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"],
  ["a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n"],
  ["a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n"],
  ["a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"],
  ["a hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n"],
  ["an empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n"],
  ["a length beyond integers", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"],
  ["another coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
  ["chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"],
  ["a coding that only looks chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"],
  ["identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"],
  ["a vertical tab before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n"],
  ["two codings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"],
  ["chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"],
  ["a folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
  ["a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["a bare LF after a header", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"],
  ["a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n"],
  ["NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n"],
  ["endless Connection options", `GET / HTTP/1.1\r\nHost: a\r\nConnection: ${"x,".repeat(100)}\r\n\r\n`],
  ["an empty name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"],
  ["a line without a colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"],
  ["a byte above ASCII in the target", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a tab between the parts", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["version 1.9", "GET / HTTP/1.9\r\nHost: a\r\n\r\n"],
  ["version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
  ["version 0.9", "GET / HTTP/0.9\r\n\r\n"],
  ["no version", "GET /\r\n\r\n"],
  ["a lower-case protocol", "GET / http/1.1\r\nHost: a\r\n\r\n"],
  ["no Host", "GET / HTTP/1.1\r\n\r\n"],
  ["an empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n"],
  ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
  ["a list of hosts", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"],
  ["a path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  ["userinfo in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"],
  ["a port that is none", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"],
  ["a port too high", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"],
  ["an absolute target of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an absolute target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an authority as target", "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"],
  ["an asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
];

for (const [name, text] of MALFORMED) {
  test(`refused as malformed: ${name}`, () => {
    assert.equal(refusal(text), "malformed-request");
  });
}

test("CONNECT is not served", () => {
  assert.equal(refusal("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), "not-implemented");
});

test("an expectation other than 100-continue fails", () => {
  const text = (value: string): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: ${value}\r\n\r\n`;
  assert.equal(refusal(text("magic")), "expectation-failed");
  assert.equal(accept(text("100-Continue")).expectsContinue, true);
});

test("limits: header count, header bytes, request line", () => {
  const lines = (count: number): string => "X: y\r\n".repeat(count);
  assert.equal(accept(`GET / HTTP/1.1\r\nHost: a\r\n${lines(99)}\r\n`).host, "a");
  assert.equal(refusal(`GET / HTTP/1.1\r\nHost: a\r\n${lines(100)}\r\n`), "headers-too-large");
  assert.equal(refusal(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(33_000)}\r\n\r\n`), "headers-too-large");
  assert.equal(refusal(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(33_000)}`), "headers-too-large");
  assert.equal(refusal(`GET /${"y".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`), "uri-too-long");
  assert.equal(refusal(`GET /${"y".repeat(9000)}`), "uri-too-long");
});

test("an absolute target is brought to origin form", () => {
  assert.equal(accept("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n").target, "/b?c");
  assert.equal(accept("GET http://a HTTP/1.1\r\nHost: A\r\n\r\n").target, "/");
  assert.equal(accept("GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n").target, "/?b");
  assert.equal(accept("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").target, "*");
  assert.equal(accept("GET http://a/ HTTP/1.0\r\n\r\n").host, "a");
});

test("an upgrade needs HTTP/1.1, Connection: upgrade, one protocol, and no body; h2c never counts", () => {
  const upgrade = (protocol: string, extra = "", version = "1.1"): string =>
    accept(`GET / HTTP/${version}\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${extra}\r\n`).upgrade;
  assert.equal(upgrade("WebSocket"), "websocket");
  assert.equal(upgrade("h2c"), "");
  assert.equal(upgrade("websocket, h2c"), "");
  assert.equal(upgrade("websocket", "", "1.0"), "");
  assert.equal(accept("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").upgrade, "");
  const withBody =
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\n";
  assert.equal(accept(withBody).upgrade, "");
});

test("names with underscores that stand for names of ours are dropped, others pass", () => {
  const head = accept(
    "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\nX-Real_IP: 6.6.6.6\r\nmy_header: 1\r\n\r\n",
  );
  assert.deepEqual(head.headers.toPairs(), ["Host", "a", "my_header", "1"]);
});

test("a head cut anywhere is incomplete, never misread", () => {
  const text = "POST /path?q=1 HTTP/1.1\r\nHost: shop.example\r\nContent-Length:  12 \r\nX-A:\tb\t\r\n\r\n";
  const whole = accept(text).headers.toPairs();
  fc.assert(
    fc.property(fc.nat(text.length - 1), (cut) => {
      assert.equal(refusal(text.slice(0, cut)), "incomplete");
    }),
  );
  assert.deepEqual(whole, ["Host", "shop.example", "Content-Length", "12", "X-A", "b"]);
});

test("random bytes never throw", () => {
  const parser = new RequestParser(LIMITS);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
      const bytes = Buffer.concat([Buffer.from("GET / HTTP/1.1\r\n"), noise]);
      parser.parse(bytes, 0, bytes.length);
    }),
  );
});
