// What a proxy must have done with a request before its sample counts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findMissingWork } from "./probe.ts";

const TARGET = { tls: true, port: 8443, path: "/echo" };
const HEAD = [
  "GET /echo HTTP/1.1",
  "Host: localhost:8443",
  "X-Forwarded-For: 127.0.0.1",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: localhost:8443",
  "X-Forwarded-Port: 8443",
  "X-Real-IP: 127.0.0.1",
  "X-Request-ID: 0f8fad5bd9cb469fa16570867728950e",
];

function echo(lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

test("a request with every forwarding field has all its work done", () => {
  assert.deepEqual(findMissingWork(echo(HEAD), TARGET), []);
});

test("each field that is left out or wrong is named", () => {
  for (const line of HEAD.slice(1)) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    assert.deepEqual(findMissingWork(echo(HEAD.filter((other) => other !== line)), TARGET), [`${name}: missing`]);
  }
  const plain = HEAD.map((line) => line.replace("https", "http"));
  assert.deepEqual(findMissingWork(echo(plain), TARGET), ["x-forwarded-proto: http"]);
});

test("HTTP/1.0 to the origin means no keep-alive, so it is not the same work", () => {
  const old = HEAD.map((line) => line.replace("HTTP/1.1", "HTTP/1.0"));
  assert.deepEqual(findMissingWork(echo(old), TARGET), ["request line: GET /echo HTTP/1.0"]);
});
