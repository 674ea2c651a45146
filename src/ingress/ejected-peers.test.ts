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

const MANY = Array.from({ length: 2_000 }, (_, index) => `10.1.${index >> 8}.${index & 255}:80`);

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

  test("ejections and recoveries never make the peers anew, however many there are", (t) => {
    const world = new World(t, MANY);
    let reads = 0;
    const counted = endpointSetOf("web", MANY).endpoints.map((endpoint) => ({
      ...endpoint,
      get address(): string {
        reads++;
        return endpoint.address;
      },
    }));
    world.upstream.replaceEndpoints(counted);
    world.select();
    const once = reads;
    for (const peer of world.upstream.currentPeers()) world.upstream.noteFailure(peer, failure("connect-refused"));
    world.select();
    for (const peer of world.upstream.currentPeers()) world.upstream.noteConnected(peer);
    assert.equal(reads, once);
    const shares = world.share(MANY.length);
    assert.ok(Object.values(shares).every((share) => share === 1));
  });

  test("a request that finds all ejected looks at hardly more peers than it tried", (t) => {
    const world = new World(t, MANY);
    world.select();
    for (const peer of world.upstream.currentPeers()) world.upstream.noteFailure(peer, failure("connect-refused"));
    for (const nowMs of [500, 1_500]) {
      world.nowMs = nowMs;
      let looks = 0;
      const tried: Peer[] = [];
      tried.includes = (peer) => {
        looks++;
        return tried.indexOf(peer) !== -1;
      };
      for (let attempt = 0; attempt < 3; attempt++) {
        const peer = world.select(tried);
        assert.equal(world.upstream.isEjected(peer), true);
        tried.push(peer);
        world.upstream.noteFailure(peer, failure("connect-refused"));
        assert.equal(world.upstream.hasOtherThan(tried), true);
      }
      assert.ok(looks <= 20, `${looks} looks`);
    }
  });

  test("all come back after the ejection time, each with the next request that finds it well", (t) => {
    const world = new World(t, MANY);
    world.select();
    const peers = world.upstream.currentPeers();
    for (const peer of peers) world.upstream.noteFailure(peer, failure("connect-refused"));
    world.nowMs = 1_000;
    for (let request = 0; request < peers.length; request++) world.upstream.noteConnected(world.select());
    assert.ok(peers.every((peer) => !world.upstream.isEjected(peer)));
  });

  test("what refuses at no cost is bounded, and grows again with time", (t) => {
    const world = new World(t);
    const count = (): number => {
      let taken = 0;
      while (world.upstream.takePassOver()) taken++;
      return taken;
    };
    assert.equal(count(), 128);
    world.nowMs = 1_000;
    assert.equal(count(), 10);
  });
});
