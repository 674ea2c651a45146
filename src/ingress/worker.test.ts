import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { endpointSetOf, snapshotOf } from "../../test/support/ingress-snapshot.ts";
import type { SnapshotSpec } from "../../test/support/ingress-snapshot.ts";
import { createSelfSignedCertificate } from "../cli/self-signed-certificate.ts";
import type { FromWorker, ToWorker, WorkerSettings } from "../dataplane/protocol.ts";
import type { WorkerMetricsReport } from "../telemetry/metric-definitions.ts";
import { IngressWorker } from "./ingress-worker.ts";

const fallbackCertificate = createSelfSignedCertificate({
  commonName: "test",
  dnsName: "penstock.invalid",
  validFrom: new Date(Date.now() - 86_400_000),
  validTo: new Date(Date.now() + 86_400_000),
});

type Message<Type extends FromWorker["type"]> = Extract<FromWorker, { readonly type: Type }>;

const SETTINGS: WorkerSettings = {
  workerId: 3,
  listeners: [{ name: "http", host: "127.0.0.1", port: 0, tls: false }],
  limits: {
    maxConnections: 1_000,
    headerTimeoutMs: 10_000,
    keepAliveTimeoutMs: 10_000,
    maxKeepAliveRequests: 1_000,
    maxHeaderCount: 100,
    maxHeaderBytes: 32_768,
    maxRequestLineBytes: 8_192,
    minBodyRate: 0,
    maxConcurrentStreams: 128,
  },
  trustedProxies: [],
  fallbackCertificate,
  ticketKeys: new Uint8Array(48),
  accessLog: "json",
};

/** A worker, and what it said that nobody asked for yet. */
class RunningWorker {
  readonly #post: (message: ToWorker) => void;
  readonly #end: () => Promise<unknown>;
  readonly #unread: FromWorker[] = [];
  #wake: () => void = () => undefined;

  /** @param isThread else it runs in this thread, which starts faster; messages are cloned all the same. */
  constructor(changes: Partial<WorkerSettings>, isThread: boolean) {
    const settings: WorkerSettings = { ...SETTINGS, ...changes };
    if (isThread) {
      const thread = new Worker(new URL("./worker.ts", import.meta.url), { workerData: settings });
      thread.on("message", (message: FromWorker) => this.#said(message));
      thread.on("error", (error) => assert.fail(String(error)));
      this.#post = (message) => thread.postMessage(message);
      this.#end = () => thread.terminate();
    } else {
      const worker = new IngressWorker(settings, (message) => this.#said(structuredClone(message)));
      this.#post = (message) => worker.receive(structuredClone(message));
      this.#end = () => {
        this.tell({ type: "drain", graceMs: 0 });
        return this.hear("drained");
      };
      void worker.start();
    }
  }

  tell(message: ToWorker): void {
    this.#post(message);
  }

  /** The next message of a type; others stay unread. */
  async hear<Type extends FromWorker["type"]>(type: Type): Promise<Message<Type>> {
    for (;;) {
      const index = this.#unread.findIndex((message) => message.type === type);
      if (index !== -1) return this.#unread.splice(index, 1)[0] as Message<Type>;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  hasSaid(type: FromWorker["type"]): boolean {
    return this.#unread.some((message) => message.type === type);
  }

  async listening(): Promise<number> {
    return (await this.hear("listening")).ports[0] ?? 0;
  }

  async serve(generation: number, spec: SnapshotSpec): Promise<void> {
    this.tell({ type: "snapshot", generation, snapshot: snapshotOf(spec) });
    assert.equal((await this.hear("ack")).generation, generation);
  }

  async stop(): Promise<void> {
    await this.#end();
  }

  #said(message: FromWorker): void {
    this.#unread.push(message);
    this.#wake();
  }
}

const running: { stop(): Promise<void> }[] = [];
after(() => Promise.all(running.map((it) => it.stop())));

function start(changes: Partial<WorkerSettings> = {}, isThread = false): RunningWorker {
  const worker = new RunningWorker(changes, isThread);
  running.push(worker);
  return worker;
}

/** An origin that names itself and repeats the head of each request; it closes each connection. */
async function startOrigin(name: string): Promise<string> {
  const server = net.createServer((socket) => {
    let head = "";
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      const body = `${name}\n${head}`;
      socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    socket.on("error", () => socket.destroy());
  });
  return addressOf(await listen(server));
}

/** An origin that answers nothing by itself. */
function startHeldOrigin(): Promise<net.Server> {
  return listen(net.createServer());
}

async function listen(server: net.Server): Promise<net.Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({ stop: () => Promise.resolve(void server.close()) });
  return server;
}

function addressOf(server: net.Server): string {
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

/** An address that refuses connections. */
async function unusedAddress(): Promise<string> {
  const server = await startHeldOrigin();
  const address = addressOf(server);
  server.close();
  await once(server, "close");
  return address;
}

/** Sends one request on a connection of its own; the whole answer. */
async function request(
  port: number,
  target: string,
  headers: readonly string[] = ["Host: shop.example"],
): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  socket.write(`GET ${target} HTTP/1.1\r\nConnection: close\r\n${headers.join("\r\n")}\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += (chunk as Buffer).toString("latin1");
  return answer;
}

function statusOf(answer: string): number {
  return Number(answer.split(" ")[1]);
}

/** Name of the origin that answered. */
function originOf(answer: string): string {
  return answer.split("\r\n\r\n")[1]?.split("\n")[0] ?? "";
}

function specFor(...endpoints: readonly string[]): SnapshotSpec {
  return {
    hosts: { "shop.example": [{ path: "/cart", id: "shop/web/0/0", to: "shop/cart/80" }] },
    endpoints: { "shop/cart/80": endpoints },
  };
}

describe("a worker", () => {
  test("as a thread of its own binds at once, answers 503 until the first snapshot, then serves it", async () => {
    const worker = start({}, true);
    const port = await worker.listening();
    assert.equal(statusOf(await request(port, "/cart")), 503);
    await worker.serve(1, specFor(await startOrigin("one")));
    const answer = await request(port, "/x/../cart/%7e?q=1");
    assert.equal(statusOf(answer), 200);
    assert.match(answer, /\r\n\r\none\nGET \/cart\/%7e\?q=1 HTTP\/1\.1\r\n/);
    assert.match(answer, /^Host: shop\.example\r$/m);
    assert.match(answer, /^X-Forwarded-For: 127\.0\.0\.1\r$/m);
    assert.equal(statusOf(await request(port, "/other")), 404);
    assert.equal(statusOf(await request(port, "/cart", ["Host: other.example"])), 404);
    assert.equal(statusOf(await request(port, "/cart/..%2fx")), 400);
  });

  test("refuses a snapshot that contradicts itself, says why, and serves on with the last one", async () => {
    const worker = start();
    const port = await worker.listening();
    await worker.serve(1, specFor(await startOrigin("one")));
    worker.tell({ type: "snapshot", generation: 2, snapshot: { ...snapshotOf(specFor()), upstreams: [] } });
    assert.deepEqual(await worker.hear("nack"), {
      type: "nack",
      generation: 2,
      reason: 'route shop/web/0/0 uses upstream "shop/cart/80", which is not in the snapshot',
    });
    assert.equal(originOf(await request(port, "/cart")), "one");
  });

  test("sends requests to new endpoints as soon as it says that it has them", async () => {
    const worker = start();
    const port = await worker.listening();
    await worker.serve(1, specFor(await startOrigin("one")));
    assert.equal(originOf(await request(port, "/cart")), "one");
    const changed = [endpointSetOf("shop/cart/80", [await startOrigin("two")])];
    worker.tell({ type: "endpoints", sequence: 5, changed });
    assert.equal((await worker.hear("endpoints-ack")).sequence, 5);
    assert.equal(originOf(await request(port, "/cart")), "two");
    worker.tell({ type: "endpoints", sequence: 6, changed: [endpointSetOf("unknown", [])] });
    assert.equal((await worker.hear("endpoints-ack")).sequence, 6);
  });

  test("goes to the next endpoint where one refuses, and answers 502 where all do", async () => {
    const worker = start();
    const port = await worker.listening();
    const [dead, otherDead] = [await unusedAddress(), await unusedAddress()];
    await worker.serve(1, specFor(dead, await startOrigin("alive")));
    for (let i = 0; i < 4; i++) assert.equal(originOf(await request(port, "/cart")), "alive");
    await worker.serve(2, specFor(dead, otherDead));
    assert.equal(statusOf(await request(port, "/cart")), 502);
    await worker.serve(3, specFor());
    assert.equal(statusOf(await request(port, "/cart")), 503);
  });

  test("as a replacement it binds nothing before its first snapshot", async () => {
    const worker = start({ listenAfterSnapshot: true });
    worker.tell({ type: "collect-metrics", id: 0 });
    await worker.hear("metrics");
    assert.equal(worker.hasSaid("listening"), false);
    await worker.serve(1, specFor(await startOrigin("one")));
    assert.equal(originOf(await request(await worker.listening(), "/cart")), "one");
  });

  test("says which listener it cannot bind", async () => {
    const blocked = addressOf(await startHeldOrigin());
    const port = Number(blocked.split(":")[1]);
    const worker = start({ listeners: [{ name: "http", host: "127.0.0.1", port, tls: false }] });
    const failure = await worker.hear("listen-failed");
    assert.equal(failure.address, blocked);
    assert.equal(failure.code, "EADDRINUSE");
  });

  test("writes a line for each request and counts it", async () => {
    const worker = start();
    const port = await worker.listening();
    const origin = await startOrigin("one");
    await worker.serve(1, specFor(await unusedAddress(), origin));
    for (const target of ["/cart?token=secret", "/x/../cart", "/none"]) {
      await request(port, target, ["Host: shop.example", "User-Agent: test"]);
    }
    let lines = "";
    while (lines.split("\n").length < 4) lines += Buffer.from((await worker.hear("access-log")).lines).toString();
    const records = lines
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    assert.partialDeepStrictEqual(records, [
      {
        path: "/cart",
        query: "token=REDACTED",
        status: 200,
        route: "shop/web/0/0",
        endpoint: origin,
        user_agent: "test",
      },
      { path: "/x/../cart", query: "", status: 200, upstream: "shop/cart/80", worker: 3, error: null },
      { path: "/none", status: 404, route: null, upstream: null, endpoint: null, error: "not-found" },
    ]);
    worker.tell({ type: "collect-metrics", id: 7 });
    const { id, metrics } = await worker.hear("metrics");
    assert.equal(id, 7);
    const { families } = metrics as WorkerMetricsReport;
    const figures = new Map(families.map(({ name, labels, values }) => [name, { labels, values: [...values] }]));
    assert.deepEqual(figures.get("penstock_requests_total"), {
      labels: ["shop/web/0/0", "shop/cart/80", "2xx", "", "", "4xx"],
      values: [2, 1],
    });
    assert.deepEqual(figures.get("penstock_retries_total"), { labels: ["connect-refused"], values: [1] });
    assert.deepEqual(figures.get("penstock_upstream_connections_total")?.values, [2, 0]);
    assert.deepEqual(figures.get("penstock_proxy_errors_total"), { labels: ["not-found"], values: [1] });
    assert.deepEqual(figures.get("penstock_downstream_connections_total"), {
      labels: ["http", "http/1.1"],
      values: [3],
    });
  });

  test("drains: requests in flight finish, then it says so, with its last lines before", async () => {
    const held = await startHeldOrigin();
    const worker = start();
    const port = await worker.listening();
    await worker.serve(1, specFor(addressOf(held)));
    const answer = request(port, "/cart");
    const [upstream] = (await once(held, "connection")) as [net.Socket];
    worker.tell({ type: "drain", graceMs: 5_000 });
    upstream.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*Connection: close\r\n(?:.*\r\n)*\r\nok$/);
    assert.equal((await worker.hear("drained")).aborted, 0);
    assert.equal(worker.hasSaid("access-log"), true);
    await assert.rejects(request(port, "/cart"), { code: "ECONNREFUSED" });
  });

  test("a drain that takes too long cuts what is left, and says how much that was", async () => {
    const held = await startHeldOrigin();
    const worker = start();
    const port = await worker.listening();
    await worker.serve(1, specFor(addressOf(held)));
    const answer = request(port, "/cart").catch(() => "cut");
    await once(held, "connection");
    worker.tell({ type: "drain", graceMs: 0 });
    assert.equal((await worker.hear("drained")).aborted, 1);
    await answer;
  });

  test("believes the forwarding headers of trusted proxies only", async () => {
    const worker = start({ trustedProxies: ["127.0.0.0/8"] });
    const port = await worker.listening();
    await worker.serve(1, specFor(await startOrigin("one")));
    const answer = await request(port, "/cart", ["Host: shop.example", "X-Forwarded-For: not an address, 192.0.2.7"]);
    assert.match(answer, /^X-Forwarded-For: not an address, 192\.0\.2\.7, 127\.0\.0\.1\r$/m);
  });
});
