import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { certificateOf, endpointOf, snapshotOf } from "../../test/support/ingress-snapshot.ts";
import type { SnapshotSpec } from "../../test/support/ingress-snapshot.ts";
import type { Explanation } from "./explain.ts";
import { explain } from "./explain.ts";
import { parseExplainRequest } from "./explain-request.ts";
import { renderExplanation } from "./explain-text.ts";

const SHOP: SnapshotSpec = {
  hosts: {
    "shop.example": [
      { path: "/cart/items", kind: "exact", id: "items" },
      { path: "/cart/", id: "cart", to: { "shop/cart/80": 9, "shop/canary/80": 1 } },
      { path: "/cart", id: "short", to: "shop/cart/80" },
      { path: "/gone", id: "gone", respond: 503 },
      { path: "/old", id: "old", to: "shop/cart/80", policy: { sslRedirect: true } },
      { path: "/name", id: "name", to: "shop/named/443" },
      { path: "/empty", id: "empty", to: "shop/empty/80" },
    ],
    "*.example": [{ path: "/", id: "wildcard", to: "shop/cart/80" }],
    "": [{ path: "/", id: "any", to: "shop/cart/80" }],
  },
  endpoints: {
    "shop/cart/80": [
      "10.0.0.1:8080",
      endpointOf("2001:db8::1:8080", { ready: false, terminating: true, zone: "a", weight: 3 }),
    ],
  },
  upstreams: {
    "shop/named/443": {
      protocol: "https",
      tls: { serverName: "named.test", caPem: null },
      dnsName: { host: "named.test", port: 443 },
    },
  },
  tls: { "shop.example": "shop/tls", "*.lost.example": null },
  certificates: [certificateOf("shop/tls", ["*.other.example", "www.shop.example"])],
};

function explainText(text: string, headers: readonly string[] = [], spec: SnapshotSpec = SHOP): Explanation {
  const request = parseExplainRequest(text, headers);
  assert.ok(!("problem" in request), "problem" in request ? request.problem : "");
  return explain(snapshotOf(spec), request);
}

describe("what a request would get", () => {
  for (const [text, status, summary, route] of [
    [
      "http://shop.example/cart",
      null,
      "forwarded to one of 2 upstreams by weight, for 90 % of requests; the rest gets 503, as its upstream has no endpoint",
      "cart",
    ],
    ["http://www.example/x", null, "forwarded to upstream shop/cart/80", "wildcard"],
    ["/x", null, "forwarded to upstream shop/cart/80", "any"],
    ["http://shop.example/name", null, "forwarded to upstream shop/named/443", "name"],
    ["http://shop.example/empty", 503, "no endpoint of the upstream is ready", "empty"],
    ["http://shop.example/gone/x", 503, "answered by the proxy, as the route has no backend to serve it", "gone"],
    ["http://shop.example/old?a=b", 308, "redirected to https://shop.example/old?a=b, as the route wants https", "old"],
    ["https://shop.example/old", null, "forwarded to upstream shop/cart/80", "old"],
    ["http://shop.example/none", 404, "no route matches", null],
    ["http://shop.example/a/..%2fb", 400, "the path hides a dot segment", null],
  ] as const) {
    test(`${text}: ${summary}`, () => {
      const explanation = explainText(text);
      assert.deepEqual(explanation.outcome, { status, summary });
      assert.equal(explanation.route?.route.id ?? null, route);
    });
  }

  test("the Host header chooses the route, the URL's host the certificate; where they are not of one kind, 421", () => {
    const explanation = explainText("https://shop.example/x", ["Accept: */*", "HOST: www.example"]);
    assert.deepEqual(explanation.outcome, { status: 421, summary: "the host is not served on this TLS connection" });
    assert.equal(explanation.certificate?.id, "shop/tls");
    assert.equal(explanation.request.host, "www.example");
  });
});

describe("why", () => {
  test("of the hosts that take a request, the most specific one is asked and the others are named", () => {
    assert.deepEqual(explainText("http://shop.example/cart").hosts, [
      { host: "shop.example", reason: "the exact host" },
      {
        host: "*.example",
        reason:
          "a wildcard that stands for exactly one label; not asked, as shop.example is more specific and has the only say",
      },
      {
        host: "",
        reason:
          "routes for every host that has none of its own; not asked, as shop.example is more specific and has the only say",
      },
    ]);
  });

  test("each losing route says why, those that match first", () => {
    const spec: SnapshotSpec = {
      hosts: {
        "": [
          { path: "/a/b", kind: "exact", id: "winner" },
          { path: "/a/b", id: "prefix" },
          { path: "/a/%62", kind: "exact", id: "spelling" },
          { path: "/a/B", id: "case" },
          { path: "/a/b/", kind: "exact", id: "slash" },
          { path: "/a", kind: "exact", id: "above" },
          { path: "/zzz", kind: "exact", id: "other" },
          { path: "/..", id: "never" },
          { path: "/a/", id: "shorter" },
          { path: "/yyy", id: "elsewhere" },
          { path: "/a/bb", id: "longer" },
        ],
      },
    };
    const { route, losers, otherRoutes } = explainText("/a/b", [], spec);
    assert.equal(route?.route.id, "winner");
    assert.equal(route?.reason, "is the path; the most specific of 4 routes that match");
    assert.equal(otherRoutes, 0);
    assert.deepEqual(
      losers.map((loser) => [loser.route.id, loser.matches, loser.reason]),
      [
        ["prefix", true, "matches too, but of equal paths exact comes before prefix"],
        ["spelling", true, "has the same match in another spelling; the first one counts"],
        ["shorter", true, "matches too, but its path is shorter"],
        ["case", false, "differs in upper and lower case, which counts"],
        ["slash", false, "is exact, so the slash at the end counts"],
        ["above", false, "is exact, so it does not take paths below it"],
        ["never", false, "can match no request: no path reads like this"],
        ["other", false, "is another path"],
        ["elsewhere", false, "does not begin the path"],
        ["longer", false, "does not begin the path"],
      ],
    );
    const { losers: losersBelow } = explainText("/a/bc", [], spec);
    const within = losersBelow.find((loser) => loser.route.id === "prefix");
    assert.equal(within?.reason, "begins the path, but ends within an element, and prefixes match whole elements");
  });

  test("of thousands of routes that do not match, a few are shown and the rest is counted", () => {
    const routes = Array.from({ length: 5_000 }, (_, i) => ({ path: `/app-${i}`, to: "web" }));
    const { losers, otherRoutes } = explainText("/app-7/x", [], { hosts: { "": routes } });
    assert.equal(losers.length, 20);
    assert.equal(otherRoutes, 4_979);
  });

  test("upstreams show their shares, endpoints their condition", () => {
    const { upstreams } = explainText("http://shop.example/cart");
    assert.deepEqual(
      upstreams.map(({ id, weight, share, protocol }) => [id, weight, share, protocol]),
      [
        ["shop/cart/80", 9, 0.9, "http"],
        ["shop/canary/80", 1, 0.1, "http"],
      ],
    );
    assert.deepEqual(upstreams[0]?.endpoints, [
      { address: "10.0.0.1:8080", weight: 1, zone: null, condition: "ready", takesTraffic: true },
      {
        address: "[2001:db8::1]:8080",
        weight: 3,
        zone: "a",
        condition: "terminating, still serves",
        takesTraffic: false,
      },
    ]);
    const [named] = explainText("http://shop.example/name").upstreams;
    assert.equal(named?.serverName, "named.test");
    assert.equal(named?.dnsName, "named.test:443");
  });

  for (const [url, id, coversServerName, reason] of [
    ["https://shop.example/", "shop/tls", false, "configured for shop.example"],
    [
      "https://x.lost.example/",
      null,
      false,
      "the certificate configured for *.lost.example is missing or broken: the self-signed one is served",
    ],
    ["https://x.test/", null, false, "no certificate is configured for x.test: the self-signed one is served"],
    ["https://10.0.0.1/", null, false, "the client sends no server name: the self-signed one is served"],
  ] as const) {
    test(`the certificate of ${url} is explained`, () => {
      const { certificate } = explainText(url);
      assert.deepEqual(
        [certificate?.id, certificate?.coversServerName, certificate?.reason],
        [id, coversServerName, reason],
      );
    });
  }

  test("a default certificate is named, and covers what its names say", () => {
    const spec = { ...SHOP, defaultCertificate: "shop/tls" };
    const { certificate } = explainText("https://x.other.example/", [], spec);
    assert.equal(certificate?.id, "shop/tls");
    assert.equal(certificate.coversServerName, true);
    assert.equal(certificate.reason, "no certificate is configured for x.other.example: the default one is served");
  });
});

describe("the explanation as text", () => {
  test("says what happens first, then why", () => {
    const text = renderExplanation(explainText("https://shop.example/x/../cart//7"));
    assert.equal(
      text,
      `GET https://shop.example/x/../cart//7

Answer       forwarded to one of 2 upstreams by weight, for 90 % of requests; the rest gets 503, as its upstream has no endpoint
Certificate  shop/tls: configured for shop.example
             clients will refuse it: it is for *.other.example, www.shop.example
Host         shop.example: the exact host
             *.example: a wildcard that stands for exactly one label; not asked, as shop.example is more specific and has the only say
             any host: routes for every host that has none of its own; not asked, as shop.example is more specific and has the only say
Path         matched as /cart/7, forwarded as /cart//7
Route        cart: Prefix /cart/ begins the path; the most specific of 2 routes that match
             from Ingress shop/web, spec.rules[0].http.paths[0]
Policy       connect 5 s, response 60 s, idle 60 s, idle tunnel 3600 s, bodies of any size, up to 3 attempts, plain HTTP is served
Lost         short: Prefix /cart matches too, but its path is shorter
             items: Exact /cart/items is another path
             gone: Prefix /gone does not begin the path
             old: Prefix /old does not begin the path
             name: Prefix /name does not begin the path
             empty: Prefix /empty does not begin the path
Upstream     shop/cart/80: http, weight 9 (90 % of requests)
             10.0.0.1:8080  ready, takes requests
             [2001:db8::1]:8080  terminating, still serves, takes none, zone a
Upstream     shop/canary/80: http, weight 1 (10 % of requests)
             no endpoint
`,
    );
  });

  test("names the Host header where it differs, and what nothing matches", () => {
    const text = renderExplanation(
      explainText("https://shop.example/x", ["Host: none.test"], { ...SHOP, hosts: { "a.test": [] } }),
    );
    assert.match(text, /^GET https:\/\/shop\.example\/x with Host: none\.test\n/);
    assert.match(text, /^Host {9}no virtual host takes none\.test$/m);
  });

  test("where no host matches, the one that was probably meant is named", () => {
    const spec = { hosts: { "shop.example": [{ path: "/" }] } };
    assert.match(
      renderExplanation(explainText("http://shop.exmaple/x", [], spec)),
      /^Host {9}no virtual host takes shop\.exmaple; did you mean shop\.example\?$/m,
    );
    assert.match(
      renderExplanation(explainText("/x", [], spec)),
      /^GET \/x\n[\s\S]*^Host {9}no virtual host takes requests without a host$/m,
    );
  });

  test("text of objects cannot steer a terminal", () => {
    const spec: SnapshotSpec = { hosts: { "": [{ path: "/\u001b[2J\u202e", id: "odd", to: "web" }] } };
    const text = renderExplanation(explainText("/x", [], spec));
    assert.match(text, /odd: Prefix "\/\\u001b\[2J\\u202e" does not begin the path/);
  });
});

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
      ["GET", "https", "b\u00fccher.example", "xn--bcher-kva.example", "xn--bcher-kva.example", "/caf%C3%A9%20"],
    ],
    ["http://a.test?q", [], ["GET", "http", "a.test", "a.test", "", "/?q"]],
  ] as const) {
    test(`${text} is understood`, () => {
      const request = parseExplainRequest(text, headers);
      assert.ok(!("problem" in request));
      const { method, scheme, authority, host, serverName, target } = request;
      assert.deepEqual([method, scheme, authority, host, serverName, target], expected);
    });
  }

  for (const [text, headers, problem] of [
    ["", [], /^"" is not an http or https URL: write for example "GET https:\/\/shop\.example\/cart"$/],
    ["ftp://x/", [], /^"ftp:\/\/x\/" is not an http or https URL/],
    ["GET http://a.test/ HTTP/1.1", [], /is more than a method and a URL/],
    ["G{T http://a.test/", [], /^"G\{T" is not a method/],
    ["http://user@a.test/", [], /^"user@a\.test" is not a host/],
    ["http://a.test:x/", [], /^"a\.test:x" is not a host/],
    ["/x", ["no header"], /^"no header" is not a header: write for example 'x-user: 7'$/],
    ["/x", ["host: a b"], /^"a b" is not a host$/],
  ] as const) {
    test(`${JSON.stringify(text)} with ${JSON.stringify(headers)} is answered with what to write`, () => {
      const request = parseExplainRequest(text, headers);
      assert.ok("problem" in request);
      assert.match(request.problem, problem);
    });
  }
});
