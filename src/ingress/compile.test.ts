import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  certificateOf,
  endpointOf,
  endpointSetOf,
  fakeEnvironment,
  snapshotOf,
} from "../../test/support/ingress-snapshot.ts";
import type { RouteSpec, SnapshotSpec } from "../../test/support/ingress-snapshot.ts";
import type { Peer } from "../engine/upstream/peer.ts";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import type { CompiledSnapshot } from "./compile.ts";
import { applyEndpoints, compileSnapshot } from "./compile.ts";
import type { CompiledUpstream } from "./compiled-upstream.ts";

const NONE: readonly Peer[] = [];

function compile(spec: SnapshotSpec, previous: CompiledSnapshot | null = null): CompiledSnapshot {
  return compileSnapshot(snapshotOf(spec), previous, fakeEnvironment());
}

/** Id of the route that serves a request; null for none. */
function routeFor(compiled: CompiledSnapshot, host: string, path: string): string | null {
  return compiled.hosts.lookup(host)?.paths.lookup(path)?.route.id ?? null;
}

function nextPeers(compiled: CompiledSnapshot, upstream: string, count: number): (string | null)[] {
  const compiledUpstream = compiled.upstreams.get(upstream);
  return Array.from({ length: count }, () => compiledUpstream?.selectPeer(NONE)?.label ?? null);
}

describe("compiling a snapshot", () => {
  test("the host is settled before the path: a host's own routes are the only ones it gets", () => {
    const compiled = compile({
      hosts: {
        "shop.example": [{ path: "/cart", id: "cart" }],
        "*.example": [{ path: "/", id: "wildcard" }],
        "": [{ path: "/", id: "any" }],
      },
    });
    assert.equal(routeFor(compiled, "shop.example", "/cart/1"), "cart");
    assert.equal(routeFor(compiled, "shop.example", "/other"), null);
    assert.equal(routeFor(compiled, "blog.example", "/cart"), "wildcard");
    assert.equal(routeFor(compiled, "elsewhere.test", "/cart"), "any");
  });

  test("configured paths are matched in the form that requests are matched in", () => {
    const compiled = compile({
      hosts: {
        "": [
          { path: "/caf\u00e9", id: "utf-8" },
          { path: "/a//b", id: "slashes", kind: "exact" },
          { path: "/%7Euser", id: "escape" },
          { path: "relative", id: "never" },
        ],
      },
    });
    assert.equal(routeFor(compiled, "x", "/caf\u00c3\u00a9/menu"), "utf-8");
    assert.equal(routeFor(compiled, "x", "/a/b"), "slashes");
    assert.equal(routeFor(compiled, "x", "/~user/x"), "escape");
    assert.equal(routeFor(compiled, "x", "/relative"), null);
  });

  test("equal policies share one object of limits, which holds the policy's values", () => {
    const compiled = compile({
      hosts: {
        "": [
          { path: "/a" },
          { path: "/b", policy: { maxBodyBytes: 10, connectTimeoutMs: 1 } },
          { path: "/c" },
          { path: "/d", policy: { maxBodyBytes: 10, connectTimeoutMs: 1 } },
        ],
      },
    });
    const limits = ["/a", "/b", "/c", "/d"].map((path) => compiled.hosts.lookup("")?.paths.lookup(path)?.limits);
    assert.equal(limits[0], limits[2]);
    assert.equal(limits[1], limits[3]);
    const { sslRedirect: _, ...defaults } = DEFAULT_ROUTE_POLICY;
    assert.deepEqual(limits[0], defaults);
    assert.deepEqual(limits[1], { ...defaults, maxBodyBytes: 10, connectTimeoutMs: 1 });
  });

  test("traffic is shared out by the weights of a route's upstreams", () => {
    const compiled = compile({
      hosts: {
        "": [
          { path: "/split", to: { blue: 3, green: 1, off: 0 } },
          { path: "/off", to: { blue: 0 } },
          { path: "/all-off", to: { blue: 0, green: 0 } },
        ],
      },
    });
    const paths = compiled.hosts.lookup("")?.paths;
    const chosen = Array.from({ length: 8 }, () => paths?.lookup("/split")?.selectUpstream()?.upstream.id);
    assert.equal(chosen.filter((id) => id === "blue").length, 6);
    assert.equal(chosen.filter((id) => id === "green").length, 2);
    assert.equal(paths?.lookup("/off")?.selectUpstream(), null);
    assert.equal(paths?.lookup("/all-off")?.selectUpstream(), null);
  });

  for (const [contradiction, change, message] of [
    [
      "a route to an unknown upstream",
      { upstreams: [] },
      /^route r uses upstream "web", which is not in the snapshot$/,
    ],
    ["an upstream twice", { upstreams: "twice" }, /^upstream "web" comes twice$/],
    ["a host twice", { hosts: "twice" }, /^host "a\.example" comes twice$/],
    [
      "a TLS host with an unknown certificate",
      { certificates: [] },
      /^certificate "shop\/tls" is not in the snapshot$/,
    ],
    ["an unknown default certificate", { defaultCertificate: "x/y" }, /^certificate "x\/y" is not in the snapshot$/],
  ] as const) {
    test(`${contradiction} is refused, and the running snapshot is left alone`, () => {
      const spec: SnapshotSpec = {
        hosts: { "a.example": [{ path: "/", to: "web", id: "r" }] },
        endpoints: { web: ["10.0.0.1:80"] },
        tls: { "a.example": "shop/tls" },
      };
      const running = compile(spec);
      const good = snapshotOf({ ...spec, endpoints: { web: ["10.0.0.2:80"] } });
      const { upstreams, routeTable } = good;
      const bad = {
        ...good,
        ...("upstreams" in change && { upstreams: change.upstreams === "twice" ? [...upstreams, ...upstreams] : [] }),
        ...("hosts" in change && {
          routeTable: { ...routeTable, virtualHosts: [...routeTable.virtualHosts, ...routeTable.virtualHosts] },
        }),
        ...("certificates" in change && { certificates: [] }),
        ...("defaultCertificate" in change && { defaultCertificate: change.defaultCertificate }),
      };
      assert.throws(() => compileSnapshot(bad, running, fakeEnvironment()), { message });
      assert.deepEqual(nextPeers(running, "web", 2), ["10.0.0.1:80", "10.0.0.1:80"]);
    });
  }

  test("agrees with a naive matcher on random tables and requests", () => {
    const host = fc.constantFrom("", "a.example", "b.example", "*.example", "*.a.example", "example");
    const requestHost = fc.constantFrom("", "a.example", "b.example", "c.example", "x.a.example", "example", "x.y.z");
    const element = fc.constantFrom("a", "b", "c", "%61", "%2F", "");
    const path = fc.array(element, { maxLength: 4 }).map((elements) => `/${elements.join("/")}`);
    const kind = fc.constantFrom("exact", "prefix");
    const routes = fc.uniqueArray(fc.record({ path, kind }), {
      selector: (route) => `${route.kind} ${matchingForm(route.path)}`,
      maxLength: 12,
    });
    const table = fc.dictionary(host, routes);
    const request = fc.record({ host: requestHost, path });
    fc.assert(
      fc.property(table, fc.array(request, { maxLength: 20 }), (hosts, requests) => {
        const compiled = compile({ hosts });
        for (const { host: name, path: raw } of requests) {
          const requested = matchingForm(raw);
          assert.equal(routeFor(compiled, name, requested), lookupNaively(hosts, name, requested));
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** For paths without dot segments and broken escapes. */
function matchingForm(path: string): string {
  return path.replaceAll("%61", "a").replaceAll(/\/+/g, "/");
}

function lookupNaively(
  hosts: Readonly<Record<string, readonly RouteSpec[]>>,
  host: string,
  path: string,
): string | null {
  const wildcard = `*.${host.split(".").slice(1).join(".")}`;
  const virtualHost = [host, ...(host.split(".").length > 1 ? [wildcard] : []), ""].find((name) =>
    Object.hasOwn(hosts, name),
  );
  if (virtualHost === undefined) return null;
  const candidates = (hosts[virtualHost] ?? [])
    .map((route, index) => ({ id: `${virtualHost}/${index}`, kind: route.kind, path: matchingForm(route.path) }))
    .filter((route) => {
      if (route.kind === "exact") return route.path === path;
      return `${path}/`.startsWith(route.path.endsWith("/") ? route.path : `${route.path}/`);
    })
    .toSorted((a, b) => b.path.length - a.path.length || (a.kind === "exact" ? -1 : 1));
  return candidates[0]?.id ?? null;
}

describe("endpoints", () => {
  const spec: SnapshotSpec = {
    hosts: { "": [{ path: "/", to: "web" }] },
    endpoints: { web: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"], other: ["10.0.1.1:80"] },
  };

  test("a change replaces the endpoints of its upstream only, and passes over unknown ones", () => {
    const compiled = compile(spec);
    const other = compiled.upstreams.get("other");
    nextPeers(compiled, "other", 1);
    applyEndpoints(compiled, [endpointSetOf("web", ["10.0.0.9:80"]), endpointSetOf("unknown", ["10.0.0.8:80"])]);
    assert.deepEqual(nextPeers(compiled, "web", 2), ["10.0.0.9:80", "10.0.0.9:80"]);
    assert.deepEqual(nextPeers(compiled, "other", 1), ["10.0.1.1:80"]);
    assert.equal(compiled.upstreams.get("other"), other);
    assert.equal(compiled.upstreams.get("unknown"), undefined);
  });

  test("balancing goes on where it stood, over endpoint changes and over snapshots", () => {
    const first = compile(spec);
    assert.deepEqual(nextPeers(first, "web", 1), ["10.0.0.1:80"]);
    applyEndpoints(first, [endpointSetOf("web", ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.4:80"])]);
    assert.deepEqual(nextPeers(first, "web", 1), ["10.0.0.2:80"]);
    const second = compile({ ...spec, endpoints: { web: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.5:80"] } }, first);
    assert.deepEqual(nextPeers(second, "web", 2), ["10.0.0.5:80", "10.0.0.1:80"]);
  });

  test("a new snapshot takes over the upstreams that it does not change, and no others", () => {
    const first = compile(spec);
    for (const id of ["web", "other"]) nextPeers(first, id, 1);
    const changed = compile({ ...spec, endpoints: { ...spec.endpoints, other: ["10.0.1.2:80"] } }, first);
    assert.equal(changed.upstreams.get("web"), first.upstreams.get("web"));
    assert.notEqual(changed.upstreams.get("other"), first.upstreams.get("other"));
    const tls = { protocol: "https", tls: { serverName: "web.example", caPem: null } } as const;
    const secured = compile({ ...spec, upstreams: { web: tls } }, first);
    assert.notEqual(secured.upstreams.get("web"), first.upstreams.get("web"));
    assert.equal(secured.upstreams.get("web")?.selectPeer(NONE)?.tls?.serverName, "web.example");
  });

  test("hosts that did not change are taken over whole, unless what they forward to changed", () => {
    const snapshot = snapshotOf({
      hosts: {
        "a.test": [{ path: "/", to: "web" }],
        "*.b.test": [{ path: "/", to: "other" }],
        "": [{ path: "/", respond: 404 }],
      },
      endpoints: { web: ["10.0.0.1:80"], other: ["10.0.1.1:80"] },
    });
    const environment = fakeEnvironment();
    const first = compileSnapshot(snapshot, null, environment);
    const { routeTable } = snapshot;
    const [changedHost, ...others] = routeTable.virtualHosts;
    assert.ok(changedHost !== undefined);
    const second = compileSnapshot(
      { ...snapshot, routeTable: { ...routeTable, virtualHosts: [{ ...changedHost }, ...others] } },
      first,
      environment,
    );
    assert.deepEqual(
      ["a.test", "*.b.test", ""].map((host) => second.hosts.entry(host) === first.hosts.entry(host)),
      [false, true, true],
    );
    const third = compileSnapshot(
      { ...snapshot, endpoints: snapshot.endpoints.with(1, endpointSetOf("other", ["10.0.1.2:80"])) },
      first,
      environment,
    );
    assert.deepEqual(
      ["a.test", "*.b.test", ""].map((host) => third.hosts.entry(host) === first.hosts.entry(host)),
      [true, false, true],
    );
    const peer = third.hosts.lookup("x.b.test")?.paths.lookup("/")?.selectUpstream()?.selectPeer(NONE);
    assert.equal(peer?.label, "10.0.1.2:80");
  });

  test("endpoints that a delta replaced are not taken over for a snapshot with the ones of before", () => {
    const snapshot = snapshotOf(spec);
    const first = compileSnapshot(snapshot, null, fakeEnvironment());
    applyEndpoints(first, [endpointSetOf("web", ["10.0.0.9:80"])]);
    const second = compileSnapshot(snapshot, first, fakeEnvironment());
    assert.deepEqual(nextPeers(second, "web", 1), ["10.0.0.1:80"]);
    assert.equal(second.hosts.lookup("")?.routes[0]?.upstreams[0], second.upstreams.get("web"));
  });

  test("a request that began with the former snapshot still finds that snapshot's endpoints", () => {
    const first = compile(spec);
    compile({ ...spec, endpoints: { web: ["10.0.0.7:80"] } }, first);
    assert.deepEqual(nextPeers(first, "web", 3), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
  });

  test("a split goes on where it stood in the former snapshot", () => {
    const split: SnapshotSpec = { hosts: { "": [{ path: "/", id: "r", to: { blue: 1, green: 1 } }] } };
    const chosen: (string | undefined)[] = [];
    let compiled: CompiledSnapshot | null = null;
    for (let change = 0; change < 4; change++) {
      compiled = compile(split, compiled);
      chosen.push(compiled.hosts.lookup("")?.paths.lookup("/")?.selectUpstream()?.upstream.id);
    }
    assert.deepEqual(chosen, ["blue", "green", "blue", "green"]);
  });

  test("an endpoint that stays keeps its peer, so that a retry after a change still knows what it tried", () => {
    const compiled = compile({ ...spec, endpoints: { web: ["10.0.0.1:80"] } });
    const upstream = compiled.upstreams.get("web");
    const tried = upstream?.selectPeer(NONE);
    assert.ok(upstream !== undefined && tried !== undefined && tried !== null);
    assert.equal(upstream.hasOtherThan([tried]), false);
    applyEndpoints(compiled, [endpointSetOf("web", ["10.0.0.1:80", "10.0.0.2:80"])]);
    assert.equal(upstream.hasOtherThan([tried]), true);
    for (let retry = 0; retry < 4; retry++) assert.equal(upstream.selectPeer([tried])?.label, "10.0.0.2:80");
  });

  test("whatever comes and goes, each endpoint that stays keeps its peer, and each has one", () => {
    const addresses = ["10.0.0.1:80", "10.0.0.1:81", "10.0.0.10:8", "10.0.0.9:80", "2001:db8::1:80", "fd00::1:80"];
    const peersBy = (upstream: CompiledUpstream | undefined): Map<string, Peer> => {
      upstream?.selectPeer(NONE);
      return new Map(upstream?.currentPeers().map((peer) => [`${peer.address}:${peer.port}`, peer]));
    };
    fc.assert(
      fc.property(fc.array(fc.subarray(addresses), { minLength: 2, maxLength: 5 }), (changes) => {
        const compiled = compile({ ...spec, endpoints: { web: changes[0] ?? [] } });
        const upstream = compiled.upstreams.get("web");
        let before = peersBy(upstream);
        for (const endpoints of changes.slice(1)) {
          applyEndpoints(compiled, [endpointSetOf("web", endpoints)]);
          const after = peersBy(upstream);
          assert.deepEqual([...after.keys()], endpoints);
          for (const [address, peer] of after) assert.equal(before.get(address) ?? peer, peer);
          before = after;
        }
      }),
    );
  });

  test("traffic goes to ready endpoints, and to terminating ones that serve where none is ready", () => {
    const terminating = endpointOf("10.0.0.2:80", { ready: false, serving: true, terminating: true });
    const gone = endpointOf("10.0.0.3:80", { ready: false, serving: false, terminating: true });
    const compiled = compile({ ...spec, endpoints: { web: ["10.0.0.1:80", terminating, gone] } });
    assert.deepEqual(nextPeers(compiled, "web", 2), ["10.0.0.1:80", "10.0.0.1:80"]);
    applyEndpoints(compiled, [endpointSetOf("web", [terminating, gone])]);
    assert.deepEqual(nextPeers(compiled, "web", 2), ["10.0.0.2:80", "10.0.0.2:80"]);
    applyEndpoints(compiled, [endpointSetOf("web", [gone])]);
    assert.deepEqual(nextPeers(compiled, "web", 1), [null]);
  });

  test("endpoints get traffic by weight", () => {
    const heavy = endpointOf("10.0.0.1:80", { weight: 3 });
    const compiled = compile({ ...spec, endpoints: { web: [heavy, "10.0.0.2:80"] } });
    const labels = nextPeers(compiled, "web", 8);
    assert.equal(labels.filter((label) => label === "10.0.0.1:80").length, 6);
  });

  test("peers of one authority share one verification context; of another they do not", () => {
    const tlsOf = (caPem: string | null) => ({ protocol: "https", tls: { serverName: "x", caPem } }) as const;
    const compiled = compile({
      hosts: {},
      endpoints: { a: ["10.0.0.1:443"], b: ["10.0.0.2:443"], c: ["10.0.0.3:443"], d: ["10.0.0.1:443"] },
      upstreams: { a: tlsOf(null), b: tlsOf(null), c: tlsOf("a CA"), d: tlsOf("a CA") },
    });
    const [a, b, c, d] = ["a", "b", "c", "d"].map((id) => compiled.upstreams.get(id)?.selectPeer(NONE));
    assert.ok(a?.tls?.context);
    assert.equal(a.tls.context, b?.tls?.context);
    assert.notEqual(a.tls.context, c?.tls?.context);
    assert.equal(c?.tls?.context, d?.tls?.context);
    assert.notEqual(a.poolKey, d?.poolKey);
  });
});

describe("certificates", () => {
  const spec: SnapshotSpec = {
    hosts: {},
    tls: { "a.example": "shop/a", "*.b.example": "shop/b", "x.b.example": null, "broken.example": "shop/broken" },
  };

  test("a server name gets its own certificate, then the wildcard's, then the default", () => {
    const { identities } = compile(spec);
    for (const [serverName, id] of [
      ["a.example", "shop/a"],
      ["y.b.example", "shop/b"],
      ["x.b.example", "fallback"],
      ["z.y.b.example", "fallback"],
      ["", "fallback"],
      ["unknown.test", "fallback"],
    ] as const) {
      assert.equal(identities.resolve(serverName).id, id, serverName);
    }
  });

  test("a configured default takes the fallback's place", () => {
    const { identities } = compile({ ...spec, defaultCertificate: "shop/a" });
    assert.equal(identities.resolve("unknown.test").id, "shop/a");
    assert.equal(identities.resolve("x.b.example").id, "shop/a");
  });

  test("identities are made with the first handshake, once, and kept over snapshots until their certificate changes", () => {
    const environment = fakeEnvironment();
    const first = compileSnapshot(snapshotOf(spec), null, environment);
    assert.deepEqual(environment.created, []);
    const identity = first.identities.resolve("a.example");
    assert.equal(first.identities.resolve("a.example"), identity);
    const second = compileSnapshot(snapshotOf(spec), first, environment);
    assert.equal(second.identities.resolve("a.example"), identity);
    assert.deepEqual(environment.created, ["shop/a"]);
    const rotated = snapshotOf({
      ...spec,
      certificates: ["shop/a", "shop/b", "shop/broken"].map((id) => certificateOf(id, [], "another key")),
    });
    const third = compileSnapshot(rotated, second, environment);
    assert.notEqual(third.identities.resolve("a.example"), identity);
    assert.equal(second.identities.resolve("a.example"), identity);
    assert.deepEqual(environment.created, ["shop/a", "shop/a"]);
  });

  test("a certificate that OpenSSL refuses is told once, and its hosts get the default", () => {
    const environment = fakeEnvironment();
    const { identities } = compileSnapshot(snapshotOf(spec), null, environment);
    assert.equal(identities.resolve("broken.example").id, "fallback");
    assert.equal(identities.resolve("broken.example").id, "fallback");
    assert.deepEqual(environment.unusable, ["shop/broken"]);
  });

  test("a default certificate that OpenSSL refuses leaves the fallback", () => {
    const { identities } = compile({ ...spec, defaultCertificate: "shop/broken" });
    assert.equal(identities.resolve("unknown.test").id, "fallback");
  });
});

test("10,000 hosts with 20,000 routes compile in far less than a second of CPU time", () => {
  const hosts: Record<string, RouteSpec[]> = {};
  const endpoints: Record<string, string[]> = {};
  for (let i = 0; i < 10_000; i++) {
    hosts[`app-${i}.example`] = [
      { path: "/api/v1", to: `ns/app-${i}/80` },
      { path: "/", to: `ns/app-${i}/80`, policy: { maxBodyBytes: i } },
    ];
    endpoints[`ns/app-${i}/80`] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
  }
  const snapshot = snapshotOf({ hosts, endpoints });
  const before = process.threadCpuUsage();
  const compiled = compileSnapshot(snapshot, null, fakeEnvironment());
  const cpuMs = process.threadCpuUsage(before).user / 1_000;
  assert.equal(routeFor(compiled, "app-777.example", "/api/v1/x"), "app-777.example/0");
  // It is about 50 ms (bench/micro/route-lookup.ts); the bound is for a shared machine, and for quadratic mistakes.
  assert.ok(cpuMs < 1_000, `took ${cpuMs} ms`);
});
