import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { endpointSetOf } from "../../test/support/ingress-snapshot.ts";
import { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { ProxyErrorType } from "../engine/proxy/proxy-error.ts";
import type { Peer } from "../engine/upstream/peer.ts";
import { CompiledUpstream } from "./compiled-upstream.ts";
import { UpstreamTrust } from "./upstream-trust.ts";

const failure = (type: ProxyErrorType, code = ""): ProxyError =>
  new ProxyError(type, "upstream", "", "connect", Object.assign(new Error(code), { code }));

const ADDRESSES = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];

class World {
  readonly upstream: CompiledUpstream;
  nowMs = 0;

  constructor(t: TestContext, addresses: readonly string[] = ADDRESSES) {
    t.mock.method(performance, "now", () => this.nowMs);
    this.upstream = new CompiledUpstream({
      upstream: { id: "web", protocol: "http", tls: null, dnsName: null },
      endpoints: endpointSetOf("web", addresses).endpoints,
      trust: new UpstreamTrust(),
      turn: 0,
    });
  }

  select(tried: readonly Peer[] = []): Peer {
    const peer = this.upstream.selectPeer(tried);
    assert.ok(peer !== null);
    return peer;
  }

  /** How often each last number of an address is selected. */
  share(count: number): Readonly<Record<string, number>> {
    const shares: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const { address } = this.select();
      shares[address] = (shares[address] ?? 0) + 1;
    }
    return shares;
  }
}

describe("peers that cannot be connected to", () => {
  for (const [type, code] of [
    ["connect-refused", "ECONNREFUSED"],
    ["connect-timeout", ""],
    ["connect-failed", "EHOSTUNREACH"],
  ] as const) {
    test(`after ${type} ${code} others share the requests evenly`, (t) => {
      const world = new World(t);
      world.upstream.noteFailure(world.select(), failure(type, code));
      assert.deepEqual(world.share(100), { "10.0.0.2": 50, "10.0.0.3": 50 });
    });
  }

  test("failures that are our own, or speak of certificates, change nothing", (t) => {
    const world = new World(t);
    const peer = world.select();
    world.upstream.noteFailure(peer, failure("connect-failed", "EMFILE"));
    world.upstream.noteFailure(peer, failure("tls-failed", "CERT_HAS_EXPIRED"));
    assert.deepEqual(world.share(99), { "10.0.0.1": 33, "10.0.0.2": 33, "10.0.0.3": 33 });
  });

  test("one request at a time looks again, and a connection brings the peer back", (t) => {
    const world = new World(t);
    const peer = world.select();
    world.upstream.noteFailure(peer, failure("connect-timeout"));
    world.nowMs = 9_999;
    assert.deepEqual(world.share(10), { "10.0.0.2": 5, "10.0.0.3": 5 });
    world.nowMs = 10_000;
    assert.equal(world.select(), peer);
    assert.deepEqual(world.share(10), { "10.0.0.2": 5, "10.0.0.3": 5 });
    world.upstream.noteConnected(peer);
    assert.deepEqual(world.share(99), { "10.0.0.1": 33, "10.0.0.2": 33, "10.0.0.3": 33 });
  });

  test("a refusal is looked at again sooner, and a retry never looks", (t) => {
    const world = new World(t);
    const peer = world.select();
    world.upstream.noteFailure(peer, failure("connect-refused"));
    world.nowMs = 1_000;
    const other = world.select([world.upstream.currentPeers()[1]!]);
    assert.equal(other.address, "10.0.0.3");
    assert.equal(world.select(), peer);
  });

  test("where none can be connected to, or no other is left to try, they are tried all the same, in turns", (t) => {
    const world = new World(t);
    const peers = [world.select(), world.select(), world.select()];
    for (const peer of peers) world.upstream.noteFailure(peer, failure("connect-refused"));
    assert.deepEqual(world.share(99), { "10.0.0.1": 33, "10.0.0.2": 33, "10.0.0.3": 33 });
    assert.equal(world.upstream.selectPeer(peers), null);
    world.upstream.noteConnected(peers[1]!);
    assert.deepEqual(world.share(9), { "10.0.0.2": 9 });
    assert.equal(world.select([peers[1]!, peers[0]!]), peers[2]);
  });

  test("an endpoint that went and comes back begins anew, others stay as they are", (t) => {
    const world = new World(t);
    const [first, second] = [world.select(), world.select()];
    for (const peer of [first, second]) world.upstream.noteFailure(peer, failure("connect-timeout"));
    world.upstream.replaceEndpoints(endpointSetOf("web", ADDRESSES.slice(1)).endpoints);
    assert.deepEqual(world.share(4), { "10.0.0.3": 4 });
    world.upstream.replaceEndpoints(endpointSetOf("web", ADDRESSES).endpoints);
    assert.deepEqual(world.share(10), { "10.0.0.1": 5, "10.0.0.3": 5 });
    // What a request that ran meanwhile says of the former peer is of no use.
    world.upstream.noteFailure(first, failure("connect-timeout"));
    assert.deepEqual(world.share(10), { "10.0.0.1": 5, "10.0.0.3": 5 });
  });
});
