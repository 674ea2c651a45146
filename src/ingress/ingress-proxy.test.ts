import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeSession } from "../../test/support/fake-session.ts";
import type { SessionSpec } from "../../test/support/fake-session.ts";
import {
  certificateOf,
  endpointSetOf,
  fakeEnvironment,
  fakeIdentity,
  snapshotOf,
} from "../../test/support/ingress-snapshot.ts";
import type { SnapshotSpec } from "../../test/support/ingress-snapshot.ts";
import { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { ProxyErrorType } from "../engine/proxy/proxy-error.ts";
import type { Peer } from "../engine/upstream/peer.ts";
import { applyEndpoints, compileSnapshot } from "./compile.ts";
import type { IngressCtx } from "./ingress-ctx.ts";
import { IngressProxy } from "./ingress-proxy.ts";
import type { RequestObserver } from "./request-observer.ts";

function proxyFor(spec: SnapshotSpec, observers: readonly RequestObserver[] = []): IngressProxy {
  const proxy = new IngressProxy(observers);
  proxy.serve(compileSnapshot(snapshotOf(spec), null, fakeEnvironment()));
  return proxy;
}

interface Outcome {
  readonly session: FakeSession;
  readonly ctx: IngressCtx;
  readonly isAnswered: boolean;
}

function filter(proxy: IngressProxy, spec: SessionSpec): Outcome {
  const session = new FakeSession(spec);
  const ctx = proxy.newCtx();
  const isAnswered = proxy.requestFilter(session, ctx);
  assert.equal(typeof isAnswered, "boolean", "a proxy with a snapshot decides at once");
  return { session, ctx, isAnswered: isAnswered === true };
}

function isError(type: ProxyErrorType): (error: unknown) => boolean {
  return (error) => error instanceof ProxyError && error.type === type;
}

const SHOP: SnapshotSpec = {
  hosts: {
    "shop.example": [
      { path: "/cart", id: "cart", to: "cart", policy: { maxBodyBytes: 42 } },
      { path: "/gone", id: "gone", respond: 503 },
      { path: "/secure", id: "secure", to: "cart", policy: { sslRedirect: true } },
    ],
    "": [{ path: "/", id: "any", to: "fallback" }],
  },
  endpoints: { cart: ["10.0.0.1:80", "10.0.0.2:80"], fallback: ["10.0.1.1:80"] },
};

describe("routing a request", () => {
  test("a request gets its route, that route's limits and one of its endpoints", () => {
    const proxy = proxyFor(SHOP);
    const { session, ctx, isAnswered } = filter(proxy, { target: "/cart/7?x=1" });
    assert.equal(isAnswered, false);
    assert.equal(ctx.route?.route.id, "cart");
    assert.equal(session.limits.maxBodyBytes, 42);
    assert.equal(session.request.target, "/cart/7?x=1");
    assert.equal(proxy.upstreamPeer(session, ctx).label, "10.0.0.1:80");
  });

  test("an HTTP/1.0 request without Host gets the routes of any host", () => {
    const { ctx } = filter(proxyFor(SHOP), { authority: "", version: 10, target: "/cart" });
    assert.equal(ctx.route?.route.id, "any");
  });

  test("a path without route is not found, neither is an asterisk", () => {
    const proxy = proxyFor(SHOP);
    assert.throws(() => filter(proxy, { target: "/other" }), isError("not-found"));
    assert.throws(() => filter(proxy, { method: "OPTIONS", target: "*" }), isError("not-found"));
  });

  test("a host without routes is not found where no route takes any host", () => {
    const proxy = proxyFor({ hosts: { "shop.example": [{ path: "/" }] } });
    assert.throws(() => filter(proxy, { authority: "blog.example" }), isError("not-found"));
  });

  test("requests that come before the first snapshot wait for it", async () => {
    const proxy = new IngressProxy([]);
    const session = new FakeSession({ authority: "shop.example", target: "/cart" });
    const ctx = proxy.newCtx();
    const decision = proxy.requestFilter(session, ctx);
    const snapshot = compileSnapshot(snapshotOf(SHOP), null, fakeEnvironment());
    proxy.serve(snapshot);
    assert.equal(await decision, false);
    assert.equal(ctx.snapshot, snapshot);
    assert.equal(ctx.route?.route.id, "cart");
  });

  test("where no snapshot comes for a while, requests are answered 503", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const proxy = new IngressProxy([]);
    const decision = proxy.requestFilter(new FakeSession({}), proxy.newCtx());
    context.mock.timers.tick(5_000);
    await assert.rejects(async () => decision, isError("no-endpoint"));
  });

  test("dot segments are resolved for the upstream, and matched as resolved", () => {
    const { session, ctx } = filter(proxyFor(SHOP), { target: "/x/%2e%2e/cart//%41?q=/../" });
    assert.equal(ctx.route?.route.id, "cart");
    assert.equal(session.request.target, "/cart//%41?q=/../");
  });

  for (const target of ["/cart/..%2fadmin", "/../cart", "/cart/%00", "/cart/..;/x"]) {
    test(`${target} is refused as malformed`, () => {
      assert.throws(() => filter(proxyFor(SHOP), { target }), isError("malformed-request"));
    });
  }

  test("a request keeps the snapshot that it began with", () => {
    const proxy = proxyFor(SHOP);
    const ctx = proxy.newCtx();
    proxy.serve(compileSnapshot(snapshotOf({ hosts: {} }), proxy.snapshot, fakeEnvironment()));
    const session = new FakeSession({ target: "/cart" });
    assert.equal(proxy.requestFilter(session, ctx), false);
    assert.equal(proxy.upstreamPeer(session, ctx).label, "10.0.0.1:80");
    assert.throws(() => filter(proxy, { target: "/cart" }), isError("not-found"));
  });
});

describe("answers of its own", () => {
  test("a route without backend fails like one without endpoints, and is logged as such", () => {
    assert.throws(() => filter(proxyFor(SHOP), { target: "/gone/1" }), isError("no-endpoint"));
  });
});

describe("redirects to https", () => {
  for (const [title, spec, httpsPort, location] of [
    ["keep path and query", { target: "/secure/a%20b?c=d&e" }, 443, "https://shop.example/secure/a%20b?c=d&e"],
    ["go to the resolved path", { target: "/x/../secure" }, 443, "https://shop.example/secure"],
    [
      "name the https port where the client named our plain port",
      { target: "/secure", authority: "shop.example:8080", localPort: 8080 },
      8443,
      "https://shop.example:8443/secure",
    ],
    [
      "leave port 443 out",
      { target: "/secure", authority: "shop.example:8080", localPort: 8080 },
      443,
      "https://shop.example/secure",
    ],
    [
      "name no port to a client that came through another one",
      { target: "/secure", authority: "shop.example:80", localPort: 8080 },
      8443,
      "https://shop.example/secure",
    ],
    [
      "name no port to a client that named none",
      { target: "/secure", localPort: 8080 },
      8443,
      "https://shop.example/secure",
    ],
    [
      "name no port where no TLS listener is",
      { target: "/secure", authority: "shop.example:8080", localPort: 8080 },
      null,
      "https://shop.example/secure",
    ],
    [
      "do not believe a client that calls itself https",
      { target: "/secure", headers: ["X-Forwarded-Proto", "https"] },
      443,
      "https://shop.example/secure",
    ],
  ] as const) {
    test(title, () => {
      const proxy = proxyFor(SHOP);
      proxy.setHttpsPort(httpsPort);
      const { session, isAnswered } = filter(proxy, spec);
      assert.equal(isAnswered, true);
      assert.deepEqual(session.answer, { status: 308, headers: ["Location", location], body: "" });
    });
  }

  test("are not for TLS connections, nor for those that a trusted proxy calls https", () => {
    const identity = fakeIdentity("shop/tls", ["shop.example"]);
    for (const spec of [
      { target: "/secure", tls: { serverName: "shop.example", identity } },
      { target: "/secure", isTrusted: true, headers: ["X-Forwarded-Proto", "https"] },
    ]) {
      const { session, isAnswered } = filter(proxyFor(SHOP), spec);
      assert.equal(isAnswered, false);
      assert.equal(session.answer, null);
    }
  });

  test("need a host", () => {
    const proxy = proxyFor({ hosts: { "": [{ path: "/", policy: { sslRedirect: true } }] } });
    assert.throws(() => filter(proxy, { authority: "", version: 10 }), isError("malformed-request"));
  });
});

describe("requests on a TLS connection of another host", () => {
  const spec: SnapshotSpec = {
    hosts: { "": [{ path: "/", id: "any" }] },
    tls: { "a.example": "shop/a", "b.example": "shop/b", "*.w.example": "shop/w", "default.example": null },
    certificates: [
      certificateOf("shop/a", ["a.example", "also-a.example"]),
      certificateOf("shop/b", ["b.example"]),
      certificateOf("shop/w", ["x.w.example", "y.w.example"]),
    ],
  };
  const identities = {
    a: fakeIdentity("shop/a", ["a.example", "also-a.example"]),
    w: fakeIdentity("shop/w", ["x.w.example", "y.w.example"]),
    fallback: fakeIdentity("fallback", []),
  };

  for (const [serverName, identity, host, isServed] of [
    ["a.example", identities.a, "a.example", true],
    ["a.example", identities.a, "also-a.example", true],
    ["a.example", identities.a, "b.example", false],
    ["a.example", identities.a, "unknown.test", false],
    ["a.example", identities.a, "", false],
    ["x.w.example", identities.w, "y.w.example", true],
    ["", identities.fallback, "a.example", true],
    ["unknown.test", identities.fallback, "other.test", true],
    ["unknown.test", identities.fallback, "default.example", true],
    ["unknown.test", identities.fallback, "a.example", false],
    ["unknown.test", identities.fallback, "z.w.example", false],
    // The engine does not know what it served: what the table says now counts.
    ["a.example", null, "also-a.example", true],
    ["a.example", null, "b.example", false],
  ] as const) {
    const name = serverName === "" ? "no server name" : serverName;
    test(`${name} and host ${JSON.stringify(host)}: ${isServed ? "served" : "421"}`, () => {
      const request = (): Outcome => filter(proxyFor(spec), { authority: host, tls: { serverName, identity } });
      if (isServed) assert.equal(request().ctx.route?.route.id, "any");
      else assert.throws(request, isError("misdirected"));
    });
  }
});

describe("attempts", () => {
  function begin(spec: SnapshotSpec): { proxy: IngressProxy; session: FakeSession; ctx: IngressCtx } {
    const proxy = proxyFor(spec);
    const { session, ctx } = filter(proxy, { target: "/cart" });
    return { proxy, session, ctx };
  }
  const refused = new ProxyError("connect-refused", "upstream", "refused", "connect");

  test("after a failed connection the next attempt goes to another endpoint", () => {
    const { proxy, session, ctx } = begin(SHOP);
    const first = proxy.upstreamPeer(session, ctx);
    proxy.failToConnect(session, first, ctx, refused);
    assert.equal(first.label, "10.0.0.1:80");
    assert.equal(proxy.upstreamPeer(session, ctx).label, "10.0.0.2:80");
  });

  test("only refusals after the first failure, by endpoints that were not ejected before, cost no attempt", () => {
    const endpoints = Array.from({ length: 6 }, (_, index) => `10.0.2.${index + 1}:80`);
    const spec = { hosts: { "": [{ path: "/", to: "web" }] }, endpoints: { web: endpoints } };
    const { proxy, session, ctx } = begin(spec);
    const fail = (own: IngressCtx, error: ProxyError): boolean =>
      proxy.failToConnect(session, proxy.upstreamPeer(session, own), own, error);
    assert.equal(fail(ctx, refused), false);
    assert.equal(fail(ctx, refused), true);
    assert.equal(fail(ctx, new ProxyError("connect-timeout", "upstream", "late", "connect")), false);
    assert.equal(fail(ctx, refused), true);
    assert.equal(fail(ctx, refused), true);
    const last = proxy.upstreamPeer(session, ctx);
    assert.throws(() => proxy.failToConnect(session, last, ctx, refused), refused);
    // All are ejected now.
    const next = filter(proxy, { target: "/cart" }).ctx;
    for (let attempt = 0; attempt < 4; attempt++) assert.equal(fail(next, refused), false);
  });

  test("an endpoint that the network knows no way to is passed over like one that refuses", () => {
    const { proxy, session, ctx } = begin({
      hosts: { "": [{ path: "/", to: "web" }] },
      endpoints: { web: ["10.0.2.1:80", "10.0.2.2:80", "10.0.2.3:80", "10.0.2.4:80", "10.0.2.5:80"] },
    });
    const fail = (code: string): boolean => {
      const error = new ProxyError("connect-failed", "upstream", code, "connect", Object.assign(new Error(), { code }));
      return proxy.failToConnect(session, proxy.upstreamPeer(session, ctx), ctx, error);
    };
    assert.equal(fail("EHOSTUNREACH"), false, "the first failure is an attempt");
    assert.equal(fail("ENETUNREACH"), true);
    assert.equal(fail("EHOSTDOWN"), true);
    assert.equal(fail("EMFILE"), false, "what is our own fault is no endpoint's");
  });

  test("an attempt that was withdrawn is none, and may go back to an endpoint that failed before", () => {
    const withdrawn = new ProxyError("connect-withdrawn", "upstream", "gone", "connect");
    const { proxy, session, ctx } = begin(SHOP);
    const first = proxy.upstreamPeer(session, ctx);
    proxy.failToConnect(session, first, ctx, refused);
    const second = proxy.upstreamPeer(session, ctx);
    assert.equal(proxy.failToConnect(session, second, ctx, withdrawn), true);
    assert.equal(proxy.upstreamPeer(session, ctx), first);
    const alone = begin({ hosts: { "": [{ path: "/", to: "web" }] }, endpoints: { web: ["10.0.2.1:80"] } });
    const only = alone.proxy.upstreamPeer(alone.session, alone.ctx);
    assert.throws(() => alone.proxy.failToConnect(alone.session, only, alone.ctx, withdrawn), withdrawn);
  });

  test("beside a slow endpoint one is tried that is as good as any, if there is one", () => {
    const { proxy, session, ctx } = begin(SHOP);
    const slow = proxy.upstreamPeer(session, ctx);
    assert.equal(proxy.slowToConnect(session, slow, ctx), true);
    const second = proxy.upstreamPeer(session, ctx);
    assert.notEqual(second, slow);
    assert.equal(proxy.slowToConnect(session, second, ctx), false, "all were tried");
    proxy.attemptAbandoned(session, slow, ctx, new ProxyError("connect-timeout", "upstream", "outpaced", "connect"));
    for (let i = 0; i < 4; i++) {
      const next = filter(proxy, { target: "/cart" });
      assert.equal(proxy.upstreamPeer(next.session, next.ctx), second, "the one that was outpaced is ejected");
      assert.equal(proxy.slowToConnect(next.session, second, next.ctx), false, "and is not as good as any");
    }
  });

  test("where every endpoint was tried, the last failure is the answer", () => {
    const { proxy, session, ctx } = begin(SHOP);
    proxy.failToConnect(session, proxy.upstreamPeer(session, ctx), ctx, refused);
    const last = proxy.upstreamPeer(session, ctx);
    assert.throws(() => proxy.failToConnect(session, last, ctx, refused), refused);
  });

  test("an endpoint that ends a new connection unanswered is left to others; for an idle one that may have been its age", () => {
    const closed = new ProxyError("upstream-closed", "upstream", "closed", "unanswered");
    const { proxy, session, ctx } = begin(SHOP);
    session.isUpstreamReused = true;
    proxy.errorWhileProxy(session, proxy.upstreamPeer(session, ctx), ctx, closed);
    assert.deepEqual(ctx.tried, []);
    session.isUpstreamReused = false;
    const second = proxy.upstreamPeer(session, ctx);
    proxy.errorWhileProxy(session, second, ctx, closed);
    const third = proxy.upstreamPeer(session, ctx);
    assert.notEqual(third, second);
    proxy.errorWhileProxy(session, third, ctx, closed);
    // Both took the connection at least, so either may be asked again.
    assert.ok([second, third].includes(proxy.upstreamPeer(session, ctx)));
  });

  test("an attempt after an endpoint change goes to the newest endpoints", () => {
    const { proxy, session, ctx } = begin(SHOP);
    const first = proxy.upstreamPeer(session, ctx);
    assert.ok(proxy.snapshot !== null);
    applyEndpoints(proxy.snapshot, [endpointSetOf("cart", ["10.0.0.1:80", "10.0.0.9:80"])]);
    proxy.failToConnect(session, first, ctx, refused);
    assert.equal(proxy.upstreamPeer(session, ctx).label, "10.0.0.9:80");
  });

  test("the upstream of a split is chosen once a request", () => {
    const { proxy, session, ctx } = begin({
      hosts: { "": [{ path: "/", to: { blue: 1, green: 1 } }] },
      endpoints: { blue: ["10.0.0.1:80", "10.0.0.2:80"], green: ["10.0.1.1:80"] },
    });
    const peers: Peer[] = [proxy.upstreamPeer(session, ctx), proxy.upstreamPeer(session, ctx)];
    assert.deepEqual(
      peers.map((peer) => peer.label),
      ["10.0.0.1:80", "10.0.0.2:80"],
    );
  });

  test("without an endpoint that may take traffic, or an upstream with weight, there is none", () => {
    for (const spec of [
      { hosts: { "": [{ path: "/" }] } },
      { hosts: { "": [{ path: "/", to: { web: 0 } }] }, endpoints: { web: ["10.0.0.1:80"] } },
    ]) {
      const { proxy, session, ctx } = begin(spec);
      assert.throws(() => proxy.upstreamPeer(session, ctx), isError("no-endpoint"));
    }
  });
});

describe("observers", () => {
  test("learn of each request with its route, its upstream and its error", () => {
    const seen: unknown[][] = [];
    const observer: RequestObserver = {
      onRequestDone: (session, ctx, error) => {
        seen.push([session.request.target, ctx.receivedTarget, ctx.routeId, ctx.upstreamId, error?.type ?? null]);
      },
    };
    const proxy = proxyFor(SHOP, [observer]);
    const served = filter(proxy, { target: "/x/../cart" });
    proxy.upstreamPeer(served.session, served.ctx);
    proxy.logging(served.session, served.ctx, null);
    const redirected = filter(proxy, { target: "/secure" });
    proxy.logging(redirected.session, redirected.ctx, null);
    const ctx = proxy.newCtx();
    proxy.logging(new FakeSession({ target: "/none" }), ctx, new ProxyError("not-found", "downstream", ""));
    assert.deepEqual(seen, [
      ["/cart", "/x/../cart", "cart", "cart", null],
      ["/secure", "", "secure", "", null],
      ["/none", "", "", "", "not-found"],
    ]);
  });
});

describe("the request path", () => {
  test("is synchronous, and leaves the shape of the ctx alone whatever happens to a request", () => {
    const proxy = proxyFor(SHOP);
    const shape = Object.keys(proxy.newCtx());
    const refused = new ProxyError("connect-refused", "upstream", "refused", "connect");
    for (const target of ["/cart", "/x/../cart", "/secure"]) {
      const { session, ctx, isAnswered } = filter(proxy, { target });
      assert.equal(typeof isAnswered, "boolean");
      if (!isAnswered) {
        const peer = proxy.upstreamPeer(session, ctx);
        assert.equal(peer instanceof Promise, false);
        proxy.failToConnect(session, peer, ctx, refused);
      }
      assert.deepEqual(Object.keys(ctx), shape);
    }
  });

  test("hands the session limits that were made with the snapshot", () => {
    const proxy = proxyFor(SHOP);
    assert.equal(
      filter(proxy, { target: "/cart/1" }).session.limits,
      filter(proxy, { target: "/cart/2" }).session.limits,
    );
  });
});
