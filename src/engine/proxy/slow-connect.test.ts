// What becomes of requests while a connection is being made and the peer does not answer, over real sockets.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type ProxyUnderTest, startProxy } from "../../../test/support/proxy-under-test.ts";
import { exchangeRaw, RawClient } from "../../../test/support/raw-client.ts";
import { answerEach, type OriginScript, response, ScriptedOrigin } from "../../../test/support/scripted-origin.ts";
import { type SilentPeer, startSilentPeer } from "../../../test/support/silent-peer.ts";
import { createPeer, type Peer } from "../upstream/peer.ts";
import type { ProxyHttp } from "./proxy-http.ts";
import type { ExchangeLimits } from "./session.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
const NOBODY_LISTENS = createPeer({ address: "127.0.0.1", port: 1 });

interface World {
  readonly proxy: ProxyUnderTest;
  /** What phases were told, in order. */
  readonly told: string[];
  /** Resolves when the attempt on `peers[index]` begins. */
  untilAttempt(index: number): Promise<void>;
}

interface Setting {
  readonly limits?: Partial<ExchangeLimits>;
  readonly phases?: Partial<ProxyHttp<null>>;
}

/** A proxy whose attempts go over `peers` in turn, and that begins another beside one that is slow. */
async function startWorld(t: TestContext, peers: readonly Peer[], { limits, phases }: Setting = {}): Promise<World> {
  const told: string[] = [];
  const begun = peers.map(() => Promise.withResolvers<void>());
  const nameOf = (peer: Peer): string => `peer ${peers.indexOf(peer)}`;
  let turn = 0;
  const proxy = await startProxy(t, [], {
    phases: {
      upstreamPeer: () => {
        begun[turn]?.resolve();
        return peers[turn++ % peers.length]!;
      },
      slowToConnect: (_session, peer) => {
        told.push(`${nameOf(peer)} slow`);
        return true;
      },
      failToConnect: (_session, peer, _ctx, error) => {
        told.push(`${nameOf(peer)} ${error.type}`);
        return error.type === "connect-withdrawn";
      },
      attemptAbandoned: (_session, peer, _ctx, error) => void told.push(`${nameOf(peer)} left, ${error.type}`),
      ...phases,
    },
    options: { slowConnectMs: 50, limits: { connectTimeoutMs: 20_000, ...limits } },
  });
  return { proxy, told, untilAttempt: async (index) => begun[index]?.promise };
}

async function startOrigin(t: TestContext, script: OriginScript): Promise<{ origin: ScriptedOrigin; peer: Peer }> {
  const origin = await ScriptedOrigin.start(script);
  t.after(() => origin.stop());
  return { origin, peer: createPeer({ address: "127.0.0.1", port: origin.port }) };
}

async function startSilent(t: TestContext): Promise<{ silent: SilentPeer; peer: Peer }> {
  const silent = await startSilentPeer(t, response("late"));
  return { silent, peer: createPeer(silent) };
}

test("beside a silent peer another is tried, and gets the request once, with its body", async (t) => {
  const { peer: silent } = await startSilent(t);
  const { origin, peer } = await startOrigin(t, (connection) => {
    if (connection.received.endsWith("body")) connection.socket.write(response("hi"));
  });
  const { proxy, told } = await startWorld(t, [silent, peer]);
  assert.match(await exchangeRaw(proxy.port, POST), /^HTTP\/1\.1 200 .*\r\n\r\nhi$/s);
  assert.deepEqual(told, ["peer 0 slow", "peer 0 left, connect-timeout"]);
  assert.equal(origin.received.match(/POST/g)?.length, 1);
  const { session, error } = await proxy.untilLogged(1);
  assert.equal(error, null);
  assert.equal(session.attempts, 2);
  assert.equal(session.peer, peer);
  assert.equal(proxy.pool.connecting.isEmpty, true, "nobody waits for the silent peer any more");
});

test("the slow peer gets the request where it is the first to answer, and the later attempt ends", async (t) => {
  const { silent, peer: first } = await startSilent(t);
  const { peer: second } = await startSilent(t);
  const { proxy, told, untilAttempt } = await startWorld(t, [first, second], { limits: { maxAttempts: 2 } });
  const answer = exchangeRaw(proxy.port, POST);
  await untilAttempt(1);
  silent.wake();
  assert.match(await answer, /\r\n\r\nlate$/);
  assert.deepEqual(told, ["peer 0 slow"], "the later one had less time: that says nothing of its peer");
  const { session } = await proxy.untilLogged(1);
  assert.equal(session.peer, first);
  assert.equal(proxy.pool.connecting.isEmpty, true);
});

test("where the later attempts fail, the slow one is waited for", async (t) => {
  const { silent, peer } = await startSilent(t);
  const { proxy, told } = await startWorld(t, [peer, NOBODY_LISTENS], {
    limits: { maxAttempts: 2 },
    phases: {
      failToConnect: (_session, _peer, _ctx, error) => {
        silent.wake();
        throw error;
      },
    },
  });
  assert.match(await exchangeRaw(proxy.port, GET), /\r\n\r\nlate$/);
  assert.deepEqual(told, ["peer 0 slow"]);
});

test("where the later attempt has nowhere to go, the slow one is waited for", async (t) => {
  const { silent, peer } = await startSilent(t);
  let turn = 0;
  const { proxy } = await startWorld(t, [peer], {
    phases: {
      upstreamPeer: () => {
        if (turn++ === 0) return peer;
        silent.wake();
        throw new Error("nowhere to go");
      },
    },
  });
  assert.match(await exchangeRaw(proxy.port, GET), /\r\n\r\nlate$/);
});

test("an attempt that is still choosing its peer is given up when a slow one has its connection", async (t) => {
  const { silent, peer } = await startSilent(t);
  const { origin, peer: other } = await startOrigin(t, answerEach(response("other")));
  const choice = Promise.withResolvers<Peer>();
  let turn = 0;
  const { proxy } = await startWorld(t, [peer], {
    phases: {
      upstreamPeer: () => {
        if (turn++ === 0) return peer;
        silent.wake();
        return choice.promise;
      },
    },
  });
  assert.match(await exchangeRaw(proxy.port, GET), /\r\n\r\nlate$/);
  choice.resolve(other);
  await proxy.untilLogged(1);
  assert.match(await exchangeRaw(proxy.port, GET), /\r\n\r\nother$/);
  assert.equal(origin.received.match(/GET/g)?.length, 1, "the first request went to one peer");
});

test("when nobody answers, the request fails with the deadline of its last attempt, 504", async (t) => {
  const peers = [(await startSilent(t)).peer, (await startSilent(t)).peer];
  const { proxy, told } = await startWorld(t, peers, { limits: { maxAttempts: 2, connectTimeoutMs: 700 } });
  assert.match(await exchangeRaw(proxy.port, GET), /^HTTP\/1\.1 504 /);
  assert.deepEqual(told, ["peer 0 slow", "peer 0 left, connect-timeout", "peer 1 connect-timeout"]);
  assert.equal(proxy.pool.connecting.isEmpty, true);
});

test("a request that has one attempt waits for its slow peer alone", async (t) => {
  const { peer } = await startSilent(t);
  const { proxy, told } = await startWorld(t, [peer], { limits: { maxAttempts: 1, connectTimeoutMs: 300 } });
  assert.match(await exchangeRaw(proxy.port, GET), /^HTTP\/1\.1 504 /);
  assert.deepEqual(told, ["peer 0 connect-timeout"]);
});

test("where the phase says no, the next attempt begins when the slow one has failed", async (t) => {
  const { peer } = await startSilent(t);
  const { peer: other } = await startOrigin(t, answerEach(response("other")));
  const { proxy, told } = await startWorld(t, [peer, other], {
    limits: { connectTimeoutMs: 300 },
    phases: { slowToConnect: () => false },
  });
  assert.match(await exchangeRaw(proxy.port, GET), /\r\n\r\nother$/);
  assert.deepEqual(told, ["peer 0 connect-timeout"]);
});

test("a client that leaves ends all attempts of its request", async (t) => {
  const peers = [(await startSilent(t)).peer, (await startSilent(t)).peer];
  const { proxy, untilAttempt } = await startWorld(t, peers, { limits: { maxAttempts: 2 } });
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  await untilAttempt(1);
  client.socket.resetAndDestroy();
  const { error } = await proxy.untilLogged(1);
  assert.equal(error?.type, "client-closed");
  assert.equal(proxy.pool.connecting.isEmpty, true);
});

test("an attempt that is withdrawn goes elsewhere at once, and does not count", async (t) => {
  const { peer: silent } = await startSilent(t);
  const { origin, peer } = await startOrigin(t, (connection) => {
    if (connection.received.endsWith("body")) connection.socket.write(response("hi"));
  });
  const { proxy, told, untilAttempt } = await startWorld(t, [silent, peer], {
    limits: { maxAttempts: 1 },
    phases: { slowToConnect: () => false },
  });
  const answer = exchangeRaw(proxy.port, POST);
  await untilAttempt(0);
  assert.equal(proxy.pool.connecting.count(silent), 1);
  proxy.pool.connecting.withdraw(silent);
  assert.match(await answer, /\r\n\r\nhi$/);
  assert.deepEqual(told, ["peer 0 connect-withdrawn"]);
  assert.equal(origin.received.match(/POST/g)?.length, 1);
});

test("a slow attempt that is withdrawn leaves the later one alone", async (t) => {
  const { peer: first } = await startSilent(t);
  const { silent, peer: second } = await startSilent(t);
  const { proxy, told, untilAttempt } = await startWorld(t, [first, second], { limits: { maxAttempts: 2 } });
  const answer = exchangeRaw(proxy.port, GET);
  await untilAttempt(1);
  proxy.pool.connecting.withdraw(first);
  silent.wake();
  assert.match(await answer, /\r\n\r\nlate$/);
  assert.deepEqual(told, ["peer 0 slow", "peer 0 left, connect-withdrawn"]);
});

test("no more attempts are withdrawn than asked for, and none that has its connection", async (t) => {
  const { silent, peer } = await startSilent(t);
  const { peer: other } = await startOrigin(t, answerEach(response("other")));
  let turn = 0;
  const { proxy } = await startWorld(t, [], {
    phases: { upstreamPeer: () => (turn++ < 2 ? peer : other), slowToConnect: () => false },
  });
  const answers = [exchangeRaw(proxy.port, GET), exchangeRaw(proxy.port, GET)];
  while (proxy.pool.connecting.count(peer) < 2) await new Promise(setImmediate);
  proxy.pool.connecting.withdraw(peer, 1);
  assert.equal(proxy.pool.connecting.count(peer), 1);
  silent.wake();
  const bodies = (await Promise.all(answers)).map((text) => text.split("\r\n\r\n")[1]);
  assert.deepEqual(new Set(bodies), new Set(["late", "other"]));
  assert.equal(proxy.pool.connecting.isEmpty, true);
});
