// What a list of upstreams becomes: one route, one upstream each, in a fixed order.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseProxyTarget } from "../../config/values/proxy-target.ts";
import type { ProxyTarget } from "../../config/values/proxy-target.ts";
import { createProxySnapshot } from "./proxy-snapshot.ts";

function targets(...texts: readonly string[]): ProxyTarget[] {
  return texts.map((text) => {
    const outcome = parseProxyTarget(text);
    assert.ok(outcome.ok, text);
    return outcome.value;
  });
}

describe("the snapshot of a quick proxy", () => {
  it("sends every request to one pool of all plain addresses, by weight", () => {
    const { routeTable, upstreams, endpoints } = createProxySnapshot(
      targets("http://127.0.0.1:3001=10", "http://127.0.0.1:3000=90", "http://[::1]:3000=0"),
    );
    assert.deepEqual(upstreams, [{ id: "proxy/addresses/http", protocol: "http", tls: null, dnsName: null }]);
    assert.deepEqual(
      endpoints.map(({ endpoints: list }) => list.map(({ address, port, weight }) => [address, port, weight])),
      [
        [
          ["127.0.0.1", 3000, 90],
          ["127.0.0.1", 3001, 10],
        ],
      ],
    );
    assert.equal(routeTable.virtualHosts.length, 1);
    const [{ host, routes } = { host: "none", routes: [] }] = routeTable.virtualHosts;
    assert.equal(host, "");
    assert.deepEqual(
      routes.map(({ path, action }) => [path, action]),
      [
        [
          { kind: "prefix", value: "/" },
          { kind: "forward", upstreams: [{ upstream: "proxy/addresses/http", weight: 100 }] },
        ],
      ],
    );
  });

  it("has a pool for each name to resolve, and for each certificate to verify", () => {
    const { upstreams, endpoints, routeTable } = createProxySnapshot(
      targets("https://api.example=5", "http://web.example", "https://192.0.2.1", "http://[::1]:3000"),
    );
    assert.deepEqual(upstreams, [
      {
        id: "proxy/192.0.2.1/443/https",
        protocol: "https",
        tls: { serverName: "192.0.2.1", caPem: null },
        dnsName: null,
      },
      { id: "proxy/addresses/http", protocol: "http", tls: null, dnsName: null },
      {
        id: "proxy/api.example/443/https",
        protocol: "https",
        tls: { serverName: "api.example", caPem: null },
        dnsName: { host: "api.example", port: 443 },
      },
      { id: "proxy/web.example/80", protocol: "http", tls: null, dnsName: { host: "web.example", port: 80 } },
    ]);
    assert.deepEqual(
      endpoints.map(({ upstream, endpoints: list }) => [upstream, list.map(({ address, port }) => [address, port])]),
      [
        ["proxy/192.0.2.1/443/https", [["192.0.2.1", 443]]],
        ["proxy/addresses/http", [["::1", 3000]]],
      ],
    );
    const action = routeTable.virtualHosts[0]?.routes[0]?.action;
    assert.deepEqual(action?.kind === "forward" ? action.upstreams.map(({ weight }) => weight) : [], [1, 1, 5, 1]);
  });

  it("adds up the weights of one target given twice", () => {
    const byName = createProxySnapshot(targets("http://a.example=2", "http://a.example:80=3"));
    assert.equal(byName.upstreams.length, 1);
    assert.deepEqual(byName.routeTable.virtualHosts[0]?.routes[0]?.action, {
      kind: "forward",
      upstreams: [{ upstream: "proxy/a.example/80", weight: 5 }],
    });
    const byAddress = createProxySnapshot(targets("http://192.0.2.1=2", "http://192.0.2.1=999999"));
    assert.deepEqual(
      byAddress.endpoints[0]?.endpoints.map(({ weight }) => weight),
      [1_000_000],
    );
  });
});
