// Requests that are connecting while an endpoint goes, or turns out silent: over real sockets, as a worker wires it.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { endpointSetOf, fakeEnvironment, snapshotOf } from "../../test/support/ingress-snapshot.ts";
import { exchangeRaw } from "../../test/support/raw-client.ts";
import { answerEach, response, ScriptedOrigin } from "../../test/support/scripted-origin.ts";
import { type SilentPeer, startSilentPeer } from "../../test/support/silent-peer.ts";
import { httpProxy } from "../engine/proxy/http-proxy.ts";
import { Server } from "../engine/server/server.ts";
import type { ConnectingAttempts } from "../engine/upstream/connecting-attempts.ts";
import type { RoutePolicy } from "../ir/route-table.ts";
import { applyEndpoints, compileSnapshot } from "./compile.ts";
import { IngressProxy } from "./ingress-proxy.ts";

interface Done {
  readonly attempts: number;
  readonly error: string | null;
  readonly elapsedMs: number;
}

/** A worker's proxy with one upstream, whose connect timeout is far longer than a test may take. */
class World {
  readonly proxy: IngressProxy;
  readonly done: Done[] = [];
  /** Why requests made another attempt. */
  readonly retries: string[] = [];
  connecting!: ConnectingAttempts;
  port = 0;

  constructor() {
    this.proxy = new IngressProxy([
      {
        onRetry: (failure) => void this.retries.push(failure.type),
        onRequestDone: ({ attempts, startedAt }, _ctx, error) =>
          void this.done.push({ attempts, error: error?.type ?? null, elapsedMs: performance.now() - startedAt }),
      },
    ]);
  }

  static async start(t: TestContext, endpoints: readonly string[], slowConnectMs = 60_000): Promise<World> {
    const world = new World();
    const application = httpProxy(world.proxy, { slowConnectMs });
    world.connecting = application.pool.connecting;
    world.proxy.watchConnecting(world.connecting);
    world.serve(endpoints);
    const server = new Server({ listeners: [{ name: "http", host: "127.0.0.1", port: 0 }], application });
    const [address] = await server.listen();
    world.port = address!.port;
    t.after(() => server.close());
    return world;
  }

  serve(endpoints: readonly string[], changes: Partial<RoutePolicy> = {}): void {
    const policy = { connectTimeoutMs: 60_000, ...changes };
    const spec = { hosts: { "": [{ path: "/", to: "web", policy }] }, endpoints: { web: endpoints } };
    this.proxy.serve(compileSnapshot(snapshotOf(spec), this.proxy.snapshot, fakeEnvironment()));
  }

  replaceEndpoints(endpoints: readonly string[]): void {
    applyEndpoints(this.proxy.snapshot!, [endpointSetOf("web", endpoints)]);
    this.proxy.withdrawGone(["web"]);
  }

  request(): Promise<string> {
    return exchangeRaw(this.port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  }

  /** Sends requests, and waits until so many of them are connecting. */
  async requestUntilConnecting(count: number): Promise<Promise<string>[]> {
    const answers = Array.from({ length: count }, () => this.request());
    while (this.#countConnecting() < count) await new Promise(setImmediate);
    return answers;
  }

  #countConnecting(): number {
    return this.connecting.peers.reduce((sum, peer) => sum + this.connecting.count(peer), 0);
  }
}

async function startOrigin(t: TestContext, name: string): Promise<string> {
  const origin = await ScriptedOrigin.start(answerEach(response(name)));
  t.after(() => origin.stop());
  return `127.0.0.1:${origin.port}`;
}

function addressOf({ address, port }: SilentPeer): string {
  return `${address}:${port}`;
}

for (const [title, change] of [
  ["a change of endpoints", (world: World, endpoints: readonly string[]) => world.replaceEndpoints(endpoints)],
  ["a new snapshot", (world: World, endpoints: readonly string[]) => world.serve(endpoints)],
] as const) {
  test(`${title} sends those that are connecting to an endpoint that went to another one, at once`, async (t) => {
    const gone = addressOf(await startSilentPeer(t));
    const alsoGone = addressOf(await startSilentPeer(t));
    const world = await World.start(t, [gone, alsoGone]);
    const answers = await world.requestUntilConnecting(200);
    change(world, [await startOrigin(t, "alive")]);
    for (const answer of await Promise.all(answers)) assert.match(answer, /\r\n\r\nalive$/);
    assert.equal(world.connecting.isEmpty, true);
    assert.ok(world.done.every(({ attempts, error }) => attempts === 2 && error === null));
    assert.deepEqual(new Set(world.retries), new Set(["connect-withdrawn"]));
  });
}

test("a request with one attempt is sent elsewhere too: it has not failed", async (t) => {
  const gone = addressOf(await startSilentPeer(t));
  const world = await World.start(t, [gone]);
  world.serve([gone], { maxAttempts: 1 });
  const [answer] = await world.requestUntilConnecting(1);
  world.replaceEndpoints([await startOrigin(t, "alive")]);
  assert.match(await answer!, /\r\n\r\nalive$/);
});

test("endpoints that stay keep those that are connecting to them, and so do those that went where nothing is left", async (t) => {
  const stays = await startSilentPeer(t, response("late"));
  const world = await World.start(t, [addressOf(stays)]);
  const [answer] = await world.requestUntilConnecting(1);
  world.replaceEndpoints([addressOf(stays), await startOrigin(t, "alive")]);
  world.serve([addressOf(stays)]);
  world.replaceEndpoints([]);
  world.serve([]);
  stays.wake();
  assert.match(await answer!, /\r\n\r\nlate$/);
  assert.deepEqual(world.retries, []);
});

test("one silent endpoint of three costs its first requests the time until they look elsewhere, and others nothing", async (t) => {
  const silent = addressOf(await startSilentPeer(t));
  const endpoints = [silent, await startOrigin(t, "one"), await startOrigin(t, "two")];
  const world = await World.start(t, endpoints, 300);
  const answers = await Promise.all(Array.from({ length: 60 }, () => world.request()));
  for (const answer of answers) assert.match(answer, /\r\n\r\n(one|two)$/);
  assert.equal(world.connecting.isEmpty, true);
  assert.equal(world.done.filter(({ attempts }) => attempts > 1).length, 20);
  await Promise.all(Array.from({ length: 60 }, () => world.request()));
  assert.ok(
    world.done.slice(60).every(({ attempts }) => attempts === 1),
    "the endpoint is left out now",
  );
});

test("where one request finds an endpoint silent, the others that wait for it go elsewhere, within the budget", async (t) => {
  const silent = addressOf(await startSilentPeer(t));
  const world = await World.start(t, [silent]);
  const waiting = Promise.allSettled(await world.requestUntilConnecting(200));
  const [peer] = world.connecting.peers;
  const endpoints = [silent, await startOrigin(t, "alive")];
  world.replaceEndpoints(endpoints);
  world.serve(endpoints, { connectTimeoutMs: 300 });
  const finders = await Promise.all([world.request(), world.request()]);
  for (const answer of finders) assert.match(answer, /\r\n\r\nalive$/);
  assert.equal(world.connecting.count(peer!), 72);
  while (world.done.length < 130) await new Promise(setImmediate);
  assert.ok(
    world.done.every(({ error }) => error === null),
    "128 were passed over",
  );
  world.replaceEndpoints(endpoints.slice(1));
  const answers = await waiting;
  assert.ok(answers.every((answer) => answer.status === "fulfilled" && answer.value.endsWith("alive")));
});
