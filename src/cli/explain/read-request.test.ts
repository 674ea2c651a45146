// What may be written on the command line, and what it stands for.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProxyError } from "../../engine/proxy/proxy-error.ts";
import { readHead } from "../../ingress/explain/request.ts";
import { parseExplainRequest } from "./read-request.ts";

describe("requests as a person writes them", () => {
  for (const [text, headers, expected] of [
    [
      "GET https://Shop.Example:8443/a?b#c",
      [],
      ["GET", "https", "Shop.Example:8443", "shop.example", "shop.example", "/a?b"],
    ],
    ["https://shop.example", [], ["GET", "https", "shop.example", "shop.example", "shop.example", "/"]],
    ["POST http://shop.example./x", [], ["POST", "http", "shop.example.", "shop.example", "", "/x"]],
    ["DELETE /x/../y", ["host: a.test"], ["DELETE", "http", "a.test", "a.test", "", "/x/../y"]],
    ["https://[2001:DB8::1]:443/", [], ["GET", "https", "[2001:DB8::1]:443", "[2001:db8::1]", "", "/"]],
    [
      "https://b\u00fccher.example/caf\u00e9%20",
      [],
      ["GET", "https", "xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example", "/caf%C3%A9%20"],
    ],
    [
      "https://B\u00dcCHER.example:8443/",
      ["Accept: a:b"],
      ["GET", "https", "xn--bcher-kva.example:8443", "xn--bcher-kva.example", "xn--bcher-kva.example", "/"],
    ],
    ["http://a.test?q", [], ["GET", "http", "a.test", "a.test", "", "/?q"]],
  ] as const) {
    test(`${text} is understood`, () => {
      const request = parseExplainRequest(text, headers);
      assert.ok(!("problem" in request));
      const head = readHead(request);
      assert.ok(!(head instanceof ProxyError));
      const { method, authority, host, target } = head;
      assert.deepEqual([method, request.scheme, authority, host, request.serverName, target], expected);
    });
  }

  for (const [text, headers, problem] of [
    ["", [], /^"" is not an http or https URL: write for example "GET https:\/\/shop\.example\/cart"$/],
    ["ftp://x/", [], /^"ftp:\/\/x\/" is not an http or https URL/],
    ["GET http://a.test/ HTTP/1.1", [], /is more than a method and a URL/],
    ["http://user@a.test/", [], /^"user@a\.test" has a user name, which no client sends in the URL: leave it out$/],
    ["/x", ["no header"], /^"no header" is not a header: write for example 'x-user: 7'$/],
    ["/x", [": value"], /^": value" is not a header/],
    ["/x", ["a: b\r\nhost: c"], /^"a: b\\r\\nhost: c" has a line break: write -H once for each header$/],
  ] as const) {
    test(`${JSON.stringify(text)} with ${JSON.stringify(headers)} is answered with what to write`, () => {
      const request = parseExplainRequest(text, headers);
      assert.ok("problem" in request);
      assert.match(request.problem, problem);
    });
  }

  for (const [text, headers, type] of [
    ["get http://a.test/", [], "malformed-request"],
    ["G{T http://a.test/", [], "malformed-request"],
    ["http://a.test:x/", [], "malformed-request"],
    ["http://shop..example:99999/cart", [], "malformed-request"],
    ["https://a_b!c.example", [], "malformed-request"],
    ["https://\u00fc..example", [], "malformed-request"],
    ["/x", ["host: a b"], "malformed-request"],
    ["/x", ["host: b\u00fccher.example"], "malformed-request"],
    ["/x", ["host : a.test"], "malformed-request"],
    ["CONNECT http://a.test", [], "not-implemented"],
  ] as const) {
    test(`${text} with ${JSON.stringify(headers)} is left to the engine, which refuses it`, () => {
      const request = parseExplainRequest(text, headers);
      assert.ok(!("problem" in request));
      const refusal = readHead(request);
      assert.ok(refusal instanceof ProxyError);
      assert.equal(refusal.type, type);
    });
  }
});
