import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, describe, test } from "node:test";
import tls from "node:tls";
import { Worker } from "node:worker_threads";
import { createTestCertificate } from "../../test/support/certificates.ts";
import { endpointSetOf, snapshotOf } from "../../test/support/ingress-snapshot.ts";
import type { SnapshotSpec } from "../../test/support/ingress-snapshot.ts";
import type { FromWorker, PostedToWorker, ToWorker, WorkerSettings } from "../dataplane/protocol.ts";
import { SnapshotDiffer } from "../dataplane/snapshot-differ.ts";
import { SnapshotSender } from "../dataplane/snapshot-sender.ts";
import type { Certificate } from "../ir/certificate.ts";
import { secretBytes } from "../ir/secret-bytes.ts";
import { IngressWorker } from "./ingress-worker.ts";

const fallbackCertificate = createTestCertificate({ commonName: "fallback" });

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
  readonly #post: (message: PostedToWorker) => void;
  readonly #end: () => Promise<unknown>;
  readonly #snapshots = new SnapshotSender({ differ: new SnapshotDiffer(), post: (part) => this.#post(part) });
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
    if (message.type === "snapshot") this.#snapshots.send(message.generation, message.snapshot);
    else this.#post(message);
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
    // The next one comes as a patch of it.
    await worker.serve(2, {
      hosts: { "": [{ path: "/", to: "web" }] },
      endpoints: { web: [await startOrigin("two")] },
    });
    assert.equal(originOf(await request(port, "/cart")), "two");
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
    const { families } = metrics;
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
    assert.equal((await worker.hear("drained")).abortedConnections, 0);
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
    assert.equal((await worker.hear("drained")).abortedConnections, 1);
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

/** A Secret as the IR has it, with a real key. */
function certificateFor(id: string, ...dnsNames: string[]): Certificate {
  const { chainPem, keyPem } = createTestCertificate({ commonName: id, dnsNames });
  return { id, chainPem, key: secretBytes(Buffer.from(keyPem)), dnsNames };
}

interface SecureAnswer {
  /** Common name of the certificate that was served. */
  readonly certificate: string;
  readonly answer: string;
}

async function secureRequest(port: number, servername: string, host: string): Promise<SecureAnswer> {
  const socket = tls.connect({ port, host: "127.0.0.1", servername, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const certificate = String(socket.getPeerCertificate().subject.CN);
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += (chunk as Buffer).toString("latin1");
  return { certificate, answer };
}

describe("a worker with TLS", () => {
  const listeners = [
    { name: "http", host: "127.0.0.1", port: 0, tls: false },
    { name: "https", host: "127.0.0.1", port: 0, tls: true },
  ];
  const hosts: SnapshotSpec["hosts"] = {
    "a.example": [{ path: "/", to: "web", policy: { sslRedirect: true } }],
    "b.example": [{ path: "/", to: "web" }],
    "also-a.example": [{ path: "/", to: "web" }],
  };

  async function startSecure(certificates: readonly Certificate[]): Promise<readonly [RunningWorker, number, number]> {
    const worker = start({ listeners });
    const { ports } = await worker.hear("listening");
    const endpoints = { web: [await startOrigin("web")] };
    const tlsHosts = { "a.example": "shop/a", "b.example": "shop/b" };
    await worker.serve(1, { hosts, endpoints, tls: tlsHosts, certificates });
    return [worker, ports[0] ?? 0, ports[1] ?? 0];
  }

  test("serves each name its certificate, and no host on another one's connection", async () => {
    const certificates = [
      certificateFor("shop/a", "a.example", "also-a.example"),
      certificateFor("shop/b", "b.example"),
    ];
    const [, , port] = await startSecure(certificates);
    for (const [servername, host, certificate, status] of [
      ["a.example", "a.example", "shop/a", 200],
      ["a.example", "also-a.example", "shop/a", 200],
      ["a.example", "b.example", "shop/a", 421],
      ["B.Example", "b.example", "shop/b", 200],
      ["none.example", "none.example", "fallback", 404],
      ["none.example", "a.example", "fallback", 421],
    ] as const) {
      const served = await secureRequest(port, servername, host);
      assert.equal(served.certificate, certificate, `${servername} for ${host}`);
      assert.equal(statusOf(served.answer), status, `${servername} for ${host}`);
    }
  });

  test("redirects to the port of its TLS listener those who named its plain port", async () => {
    const [, plain, secure] = await startSecure([certificateFor("shop/a"), certificateFor("shop/b")]);
    const answer = await request(plain, "/x?y", [`Host: a.example:${plain}`]);
    assert.equal(statusOf(answer), 308);
    assert.match(answer, new RegExp(`^Location: https://a\\.example:${secure}/x\\?y\r$`, "m"));
  });

  test("serves a rotated certificate from the next handshake on; open connections go on with theirs", async () => {
    const certificates = [certificateFor("shop/a", "a.example"), certificateFor("shop/b", "b.example")];
    const [worker, , port] = await startSecure(certificates);
    const open = tls.connect({ port, host: "127.0.0.1", servername: "a.example", rejectUnauthorized: false });
    await once(open, "secureConnect");
    const rotated = { ...certificateFor("shop/rotated", "a.example"), id: "shop/a" };
    const endpoints = { web: [await startOrigin("web")] };
    await worker.serve(2, { hosts, endpoints, tls: { "a.example": "shop/a" }, certificates: [rotated] });
    assert.equal((await secureRequest(port, "a.example", "a.example")).certificate, "shop/rotated");
    open.write("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    const [chunk] = (await once(open, "data")) as [Buffer];
    assert.equal(statusOf(chunk.toString("latin1")), 200);
    open.destroy();
  });

  test("takes new ticket keys: sessions of before are not resumed, but new ones are", async () => {
    const [worker, , port] = await startSecure([certificateFor("shop/a"), certificateFor("shop/b")]);
    const isResumed = async (session: Buffer): Promise<boolean> => {
      const socket = tls.connect({
        port,
        host: "127.0.0.1",
        servername: "a.example",
        rejectUnauthorized: false,
        session,
      });
      await once(socket, "secureConnect");
      const resumed = socket.isSessionReused();
      socket.destroy();
      return resumed;
    };
    const before = await sessionFrom(port);
    assert.equal(await isResumed(before), true);
    worker.tell({ type: "ticket-keys", ticketKeys: new Uint8Array(48).fill(7) });
    assert.equal(await isResumed(before), false);
    assert.equal(await isResumed(await sessionFrom(port)), true);
  });

  test("a certificate that OpenSSL refuses is reported, and its host gets the default one", async () => {
    const broken = { ...certificateFor("shop/a", "a.example"), key: secretBytes(Buffer.from("no key")) };
    const [worker, , port] = await startSecure([broken, certificateFor("shop/b")]);
    assert.equal((await secureRequest(port, "a.example", "a.example")).certificate, "fallback");
    const log = await worker.hear("log");
    assert.equal(log.level, "warn");
    assert.equal(log.fields["certificate"], "shop/a");
  });
});

/** A session that the server gave a ticket for. */
async function sessionFrom(port: number): Promise<Buffer> {
  const socket = tls.connect({ port, host: "127.0.0.1", servername: "a.example", rejectUnauthorized: false });
  const [session] = (await once(socket, "session")) as [Buffer];
  socket.destroy();
  return session;
}
