import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EXPLAINED_SHOP } from "../../../test/support/explained-shop.ts";
import { snapshotOf } from "../../../test/support/ingress-snapshot.ts";
import type { SnapshotSpec } from "../../../test/support/ingress-snapshot.ts";
import type { Explanation } from "./explain.ts";
import { explain } from "./explain.ts";
import type { ExplainHeader, ExplainRequest } from "./request.ts";

/** @param url absolute, or a path alone. */
function requestFor(url: string, headers: readonly ExplainHeader[] = [], method = "GET"): ExplainRequest {
  const [, scheme = "http", authority = "", target = "/"] = /^(?:(https?):\/\/([^/]*))?(.*)$/.exec(url) ?? [];
  const isName = scheme === "https" && !/^[0-9.]+$/.test(authority);
  return {
    method,
    scheme: scheme === "https" ? "https" : "http",
    authority,
    serverName: isName ? authority : "",
    target,
    headers,
  };
}

function explainUrl(
  url: string,
  headers: readonly ExplainHeader[] = [],
  spec: SnapshotSpec = EXPLAINED_SHOP,
): Explanation {
  return explain(snapshotOf(spec), requestFor(url, headers));
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
    ["http://shop.example/gone/x", 503, "the route has no backend to serve it", "gone"],
    ["http://shop.example/old?a=b", 308, "redirected to https://shop.example/old?a=b, as the route wants https", "old"],
    ["https://shop.example/old", null, "forwarded to upstream shop/cart/80", "old"],
    ["http://shop.example/none", 404, "no route matches", null],
    ["http://shop.example/a/..%2fb", 400, "the path hides a dot segment", null],
  ] as const) {
    test(`${text}: ${summary}`, () => {
      const explanation = explainUrl(text);
      assert.deepEqual(explanation.outcome, { status, summary });
      assert.equal(explanation.route?.route.id ?? null, route);
    });
  }

  test("the Host header chooses the route, the URL's host the certificate; where they are not of one kind, 421", () => {
    const explanation = explainUrl("https://shop.example/x", [{ name: "HOST", value: "www.example" }]);
    assert.deepEqual(explanation.outcome, { status: 421, summary: "the host is not served on this TLS connection" });
    assert.equal(explanation.certificate?.id, "shop/tls");
    assert.equal(explanation.host, "www.example");
  });
});

describe("why", () => {
  test("of the hosts that take a request, the most specific one is asked and the others are named", () => {
    assert.deepEqual(explainUrl("http://shop.example/cart").hosts, [
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
    const { route, losers, otherRoutes } = explainUrl("/a/b", [], spec);
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
    const { losers: losersBelow } = explainUrl("/a/bc", [], spec);
    const within = losersBelow.find((loser) => loser.route.id === "prefix");
    assert.equal(within?.reason, "begins the path, but ends within an element, and prefixes match whole elements");
  });

  test("of thousands of routes that do not match, a few are shown and the rest is counted", () => {
    const routes = Array.from({ length: 5_000 }, (_, i) => ({ path: `/app-${i}`, to: "web" }));
    const { losers, otherRoutes } = explainUrl("/app-7/x", [], { hosts: { "": routes } });
    assert.equal(losers.length, 20);
    assert.equal(otherRoutes, 4_979);
  });

  test("upstreams show their shares, endpoints their condition", () => {
    const { upstreams } = explainUrl("http://shop.example/cart");
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
    const [named] = explainUrl("http://shop.example/name").upstreams;
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
      const { certificate } = explainUrl(url);
      assert.deepEqual(
        [certificate?.id, certificate?.coversServerName, certificate?.reason],
        [id, coversServerName, reason],
      );
    });
  }

  test("a default certificate is named, and covers what its names say", () => {
    const spec = { ...EXPLAINED_SHOP, defaultCertificate: "shop/tls" };
    const { certificate } = explainUrl("https://x.other.example/", [], spec);
    assert.equal(certificate?.id, "shop/tls");
    assert.equal(certificate.coversServerName, true);
    assert.equal(certificate.reason, "no certificate is configured for x.other.example: the default one is served");
  });
});

describe("what the engine refuses", () => {
  const header = (name: string, value: string): ExplainHeader => ({ name, value });
  for (const [request, status, summary] of [
    [requestFor("http://shop..example:99999/cart"), 400, "the Host header is not a valid host"],
    [requestFor("http://shop.example:99999/cart"), 400, "the Host header is not a valid host"],
    [requestFor("https://a_b!c.example/"), 400, "the Host header is not a valid host"],
    [requestFor("http://shop.example/cart", [header("Host", "")]), 400, "the Host header is empty"],
    [
      requestFor("http://shop.example/cart", [header("Host", "a"), header("host", "a")]),
      400,
      "a header that may stand only once is repeated",
    ],
    [requestFor("http://shop.example/cart", [header("Accept ", "x")]), 400, "a header line is malformed"],
    [requestFor("http://shop.example/cart", [header("Expect", "x")]), 417, "only Expect: 100-continue is served"],
    [requestFor("http://shop.example/cart", [], "CONNECT"), 501, "CONNECT is not served"],
    [requestFor("http://shop.example/cart", [], "G{T"), 400, "the request line has no valid method"],
    [requestFor("http://shop.example/cart", [], "A".repeat(33)), 400, "the request line has no valid method"],
    [
      requestFor("http://shop.example/cart", [], "get"),
      400,
      "the request line has no valid method; methods are in upper case: did you mean GET?",
    ],
    [requestFor(`http://shop.example/${"a".repeat(9_000)}`), 414, "the request line is too long"],
  ] as const) {
    const shown = `${request.method} ${request.authority}${request.target} ${JSON.stringify(request.headers)}`;
    test(`${shown.slice(0, 80)} gets ${status}: ${summary}, and nothing else is asked`, () => {
      const explanation = explain(snapshotOf(EXPLAINED_SHOP), request);
      assert.deepEqual(explanation.outcome, { status, summary });
      assert.deepEqual([explanation.host, explanation.route, explanation.certificate], [null, null, null]);
    });
  }

  test("a method of 32 characters is served, with what methods may hold", () => {
    const explanation = explain(
      snapshotOf(EXPLAINED_SHOP),
      requestFor("http://www.example/x", [], `A-9_${"B".repeat(28)}`),
    );
    assert.equal(explanation.outcome.status, null);
  });

  test("a body that is announced longer than the route allows gets 413", () => {
    const spec: SnapshotSpec = {
      ...EXPLAINED_SHOP,
      hosts: { "": [{ path: "/", to: "shop/cart/80", policy: { maxBodyBytes: 9 } }] },
    };
    assert.equal(explainUrl("/x", [header("Content-Length", "9")], spec).outcome.status, null);
    assert.deepEqual(explainUrl("/x", [header("Content-Length", "10")], spec).outcome, {
      status: 413,
      summary: "the request's body is larger than 9 bytes",
    });
  });
});

describe("headers beside Host", () => {
  test("are said to choose nothing, each once", () => {
    const headers = ["Accept", "Host", "x-user", "X-User"].map((name) => ({ name, value: "shop.example" }));
    const { headerNotes } = explainUrl("http://shop.example/cart", headers);
    assert.deepEqual(headerNotes, ["Accept, X-User: no part in the choice, which is by host and path"]);
  });

  test("X-Forwarded-Proto does not save a plain request from the redirect, and that is said", () => {
    const explanation = explainUrl("http://shop.example/old", [{ name: "X-Forwarded-Proto", value: "https" }]);
    assert.equal(explanation.outcome.status, 308);
    assert.deepEqual(explanation.headerNotes, [
      "X-Forwarded-Proto is believed from trusted proxies only; here the request counts as plain HTTP",
    ]);
  });

  test("nothing is said where there are none", () => {
    assert.deepEqual(explainUrl("http://shop.example/cart").headerNotes, []);
  });
});
