import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestParser } from "../http1/request-parser.ts";
import { HeaderList } from "./header-list.ts";
import { headerBit, KnownHeader } from "./known-headers.ts";

function parsed(lines: string): HeaderList {
  const parser = new RequestParser({ maxHeaderCount: 100, maxHeaderBytes: 32_768, maxRequestLineBytes: 8192 });
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, "latin1");
  const head = parser.parse(bytes, 0, bytes.length);
  assert.notEqual(head, null, parser.reason);
  return head!.headers;
}

test("names are found in any case, values come without the white space around them", () => {
  const headers = parsed("X-One:   1\t\r\nx-ONE: 2\r\nUSER-AGENT: curl\r\n");
  assert.equal(headers.get("x-one"), "1");
  assert.deepEqual(headers.getAll("x-one"), ["1", "2"]);
  assert.equal(headers.get("user-agent"), "curl");
  assert.equal(headers.get("x-two"), null);
  assert.equal(headers.has("host"), true);
});

test("set replaces every line, append adds one, remove takes all", () => {
  const headers = parsed("X-One: 1\r\nX-Two: 2\r\nx-one: 3\r\n");
  headers.set("X-One", "new");
  headers.append("X-Three", "3");
  headers.remove("x-two");
  assert.deepEqual(headers.toPairs(), ["Host", "a", "X-One", "new", "X-Three", "3"]);
  headers.remove("x-one");
  headers.set("Host", "b");
  assert.deepEqual(headers.toPairs(), ["X-Three", "3", "Host", "b"]);
  headers.remove("host");
  assert.equal(headers.get("host"), null);
});

test("lines of a mask are removed wherever they stand", () => {
  const headers = parsed("TE: x\r\nConnection: y\r\nX: z\r\n");
  headers.append("Connection", "more");
  headers.removeMask(headerBit(KnownHeader.connection) | headerBit(KnownHeader.te));
  assert.deepEqual(headers.toPairs(), ["Host", "a", "X", "z"]);
  headers.append("Connection", "back");
  assert.equal(headers.get("connection"), "back");
});

test("names and values that HTTP does not allow are refused", () => {
  const headers = HeaderList.empty();
  for (const [name, value] of [
    ["a b", "c"],
    ["", "c"],
    ["a:", "c"],
    ["a", "b\r\nX: y"],
    ["a", "b\0"],
    ["a", " b"],
    ["a", "Ā"],
  ] as const) {
    assert.throws(() => headers.append(name, value), TypeError, JSON.stringify([name, value]));
  }
  headers.append("a", "");
  assert.deepEqual(headers.toPairs(), ["a", ""]);
});
