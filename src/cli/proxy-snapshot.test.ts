// What a list of upstreams becomes: one route, one upstream each, in a fixed order.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseProxyTarget } from "../config/values/proxy-target.ts";
import type { ProxyTarget } from "../config/values/proxy-target.ts";
import { createProxySnapshot } from "./proxy-snapshot.ts";

function targets(...texts: readonly string[]): ProxyTarget[] {
  return texts.map((text) => {
    const outcome = parseProxyTarget(text);
    assert.ok(outcome.ok, text);
    return outcome.value;
  });
}

describe("the snapshot of a quick proxy", () => {
  it("sends every request to the upstreams by weight", () => {
    const { routeTable } = createProxySnapshot(targets("http://127.0.0.1:3000=90", "http://127.0.0.1:3001=10"));
    assert.equal(routeTable.virtualHosts.length, 1);
    const [{ host, routes } = { host: "none", routes: [] }] = routeTable.virtualHosts;
    assert.equal(host, "");
    assert.deepEqual(
      routes.map(({ path, action }) => [path, action]),
      [
        [
          { kind: "prefix", value: "/" },
          {
            kind: "forward",
            backends: [
              { upstream: "proxy/127.0.0.1/3000", weight: 90 },
              { upstream: "proxy/127.0.0.1/3001", weight: 10 },
            ],
          },
        ],
      ],
    );
  });

  it("has endpoints for addresses, names to resolve for hosts, and verified TLS for https", () => {
    const { upstreams, endpoints } = createProxySnapshot(targets("https://api.example", "http://[::1]:3000"));
    assert.deepEqual(upstreams, [
      { id: "proxy/::1/3000", protocol: "http", tls: null, dnsName: null },
      {
        id: "proxy/api.example/443/https",
        protocol: "https",
        tls: { serverName: "api.example", caPem: null },
        dnsName: { host: "api.example", port: 443 },
      },
    ]);
    assert.deepEqual(
      endpoints.map(({ upstream, endpoints: list }) => [upstream, list.map(({ address, port }) => [address, port])]),
      [["proxy/::1/3000", [["::1", 3000]]]],
    );
  });

  it("adds up the weights of one upstream given twice", () => {
    const { routeTable, upstreams } = createProxySnapshot(targets("http://a.example=2", "http://a.example:80=3"));
    assert.equal(upstreams.length, 1);
    assert.deepEqual(routeTable.virtualHosts[0]?.routes[0]?.action, {
      kind: "forward",
      backends: [{ upstream: "proxy/a.example/80", weight: 5 }],
    });
  });
});
