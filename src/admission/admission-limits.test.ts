// What the webhook's limits do to whoever exceeds them, over real TLS connections of several addresses, and that a review of
// an API server is answered meanwhile.
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { Agent, request } from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import type { Socket } from "node:net";
import { connect as connectTcp } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { connect as connectTls } from "node:tls";
import type { TestCertificate } from "../../test/support/certificates.ts";
import { createTestCertificate } from "../../test/support/certificates.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";
import { ObjectStore } from "../source/object-store.ts";
import { AdmissionServer } from "./admission-server.ts";
import type { JudgeContext } from "./judge-review.ts";

/** Where the API server's own connections come from, and where everything else does. */
const API_SERVER = "127.0.0.1";
const [HOG, SECOND_HOG, THIRD_HOG] = ["127.0.0.2", "127.0.0.3", "127.0.0.4"] as const;

const SERVER_NAME = "webhook.penstock.svc";
const MIB = 1_024 * 1_024;
/** None is reached where the limits work. */
const PATIENCE = { timeout: 30_000 };

interface Answer {
  readonly status: number;
  readonly text: string;
}

class Site {
  readonly port: number;
  readonly #certificate: TestCertificate;
  readonly #kept = new Set<Socket | ClientRequest>();
  readonly #bodyBytes = new Map<string, number>();

  constructor(port: number, certificate: TestCertificate) {
    this.port = port;
    this.#certificate = certificate;
  }

  /** From now on, what comes of bodies is counted where the server reads it. */
  countBodies(context: TestContext): void {
    const onStart = (message: unknown): void => {
      const { request: incoming } = message as { request: IncomingMessage };
      const { remoteAddress = "", localPort } = incoming.socket;
      if (localPort !== this.port) return;
      incoming.on("data", ({ length }: Buffer) =>
        this.#bodyBytes.set(remoteAddress, this.read(remoteAddress) + length),
      );
    };
    subscribe("http.server.request.start", onStart);
    context.after(() => unsubscribe("http.server.request.start", onStart));
  }

  /** Bytes of bodies that have come from an address. */
  read(address: string): number {
    return this.#bodyBytes.get(address) ?? 0;
  }

  connect(address: string): TLSSocket {
    return this.#keep(connectTls({ ...this.#place(address), ...this.#trust() }));
  }

  /** Shakes hands and then does nothing. */
  async idle(address: string): Promise<TLSSocket> {
    const socket = this.connect(address);
    await once(socket, "secureConnect");
    return socket;
  }

  /** Connects, and does not even shake hands. */
  async silent(address: string): Promise<Socket> {
    const socket = this.#keep(connectTcp(this.#place(address)));
    await once(socket, "connect");
    return socket;
  }

  /** A request whose body the caller sends. */
  begin(address: string, options: RequestOptions = {}): ClientRequest {
    const outgoing = request({
      ...this.#place(address),
      ...this.#trust(),
      path: "/validate?timeout=10s",
      method: "POST",
      headers: { "content-type": "application/json" },
      agent: false,
      ...options,
    });
    outgoing.on("error", () => {});
    this.#kept.add(outgoing);
    return outgoing;
  }

  post(address: string, options: RequestOptions & { body?: string } = {}): Promise<Answer> {
    const { body = review(), ...others } = options;
    const outgoing = this.begin(address, others);
    outgoing.end(body);
    return answerOf(outgoing);
  }

  /** The API server asks, and gets a verdict. */
  async assertServes(options: RequestOptions & { body?: string } = {}): Promise<void> {
    const { status, text } = await this.post(API_SERVER, options);
    assert.equal(status, 200, text);
    const { response } = JSON.parse(text) as { response: { allowed: boolean; status?: { message: string } } };
    assert.equal(response.allowed, false, "it was judged");
    assert.match(response.status?.message ?? "", /can never match/);
  }

  /** Ends what its clients still hold. */
  release(): void {
    for (const client of this.#kept) client.destroy();
  }

  #keep<T extends Socket>(socket: T): T {
    this.#kept.add(socket);
    socket.on("error", () => {});
    // Who does not read does not see the end.
    return socket.resume();
  }

  #place(address: string): { host: string; port: number; localAddress: string } {
    return { host: "127.0.0.1", port: this.port, localAddress: address };
  }

  #trust(): { servername: string; ca: string } {
    return { servername: SERVER_NAME, ca: this.#certificate.chainPem };
  }
}

async function answerOf(outgoing: ClientRequest): Promise<Answer> {
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
}

/** Of an Ingress that is refused, so that an answer shows whether it was judged. */
function review({ note = "" }: { note?: string } = {}): string {
  const backend = { service: { name: "web", port: { number: 80 } } };
  const object = {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "web", namespace: "shop", annotations: { note } },
    spec: {
      ingressClassName: "penstock",
      rules: [{ host: "shop.example", http: { paths: [{ path: "/a b", pathType: "Prefix", backend }] } }],
    },
  };
  const kind = { group: "networking.k8s.io", version: "v1", kind: "Ingress" };
  const envelope = { uid: "0df28fbd", kind, namespace: "shop", operation: "CREATE", object };
  return JSON.stringify({ kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request: envelope });
}

/** A review of so many bytes. */
function largeReview(bytes: number): string {
  return review({ note: "x".repeat(bytes - review().length) });
}

async function startSite(context: TestContext, clock: Clock = unhurriedClock()): Promise<Site> {
  return (await startServer(context, clock)).site;
}

async function startServer(context: TestContext, clock: Clock): Promise<{ site: Site; server: AdmissionServer }> {
  const certificate = createTestCertificate({ commonName: "webhook", dnsNames: [SERVER_NAME] });
  const judging: JudgeContext = {
    world: new ObjectStore().world(),
    options: {
      ingressClass: "penstock",
      controller: "penstock.dev/ingress-controller",
      serveUnclassified: false,
      defaultCertificate: null,
      loopback: "refuse-loopback",
      routeDefaults: DEFAULT_ROUTE_POLICY,
    },
    servesNamespace: () => true,
  };
  const server = new AdmissionServer({ host: "127.0.0.1", port: 0, clock, context: () => judging, onEvent: () => {} });
  server.useCertificate({ certificatePem: certificate.chainPem, keyPem: certificate.keyPem });
  const port = await server.start();
  const site = new Site(port, certificate);
  context.after(() => {
    site.release();
    return server.close();
  });
  return { site, server };
}

/** Turns of the queue come; deadlines of seconds never do, however slow the machine is. */
function unhurriedClock(): Clock {
  const never = new ManualClock();
  return {
    now: () => systemClock.now(),
    setTimer: (callback, delayMs) => (delayMs <= 1_000 ? systemClock : never).setTimer(callback, delayMs),
  };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE.timeout;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(condition(), `never true: ${condition.toString()}`);
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** The first one is there before the others, so that it is the longest idle; soon, as idle ones are cut after a while. */
async function openMany(count: number, open: () => Promise<Socket>): Promise<Socket[]> {
  const first = await open();
  return [first, ...(await Promise.all(times(count - 1, open)))];
}

function indexesOfClosed(sockets: readonly Socket[]): number[] {
  return sockets.flatMap(({ closed }, index) => (closed ? [index] : []));
}

describe("the limits of the admission webhook", () => {
  describe("connections", PATIENCE, () => {
    it("are 256 at most: the longest idle one of whoever holds most gives way", async (context) => {
      const site = await startSite(context);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      context.after(() => agent.destroy());
      await site.assertServes({ agent });
      const hog = await openMany(128, () => site.idle(HOG));
      const second = await openMany(127, () => site.idle(SECOND_HOG));
      assert.deepEqual([indexesOfClosed(hog), indexesOfClosed(second)], [[], []]);
      await site.assertServes();
      await until(() => hog[0]?.closed === true);
      // On the connection that the API server keeps, which is the longest idle of all.
      const kept = site.begin(API_SERVER, { agent });
      kept.end(review());
      assert.equal((await answerOf(kept)).status, 200);
      assert.equal(kept.reusedSocket, true);
      assert.deepEqual([indexesOfClosed(hog), indexesOfClosed(second)], [[0], []]);
    });

    it("are kept out by none that does not even shake hands", async (context) => {
      const site = await startSite(context);
      const silent = await Promise.all(times(256, (index) => site.silent(index % 2 === 0 ? HOG : SECOND_HOG)));
      await site.assertServes();
      await until(() => indexesOfClosed(silent).length > 0);
    });

    it("are 128 at most of one address, which loses its own longest idle one", async (context) => {
      const site = await startSite(context);
      const other = await site.idle(SECOND_HOG);
      const hog = await openMany(128, () => site.idle(HOG));
      await site.idle(HOG);
      await until(() => indexesOfClosed(hog).length > 0);
      await site.assertServes();
      assert.deepEqual([indexesOfClosed(hog), other.closed], [[0], false]);
    });

    it("that are at work stay, and the address that has only such gets no other", async (context) => {
      const site = await startSite(context);
      site.countBodies(context);
      const atWork = times(128, () => site.begin(HOG, { headers: { "content-type": "application/json" } }));
      for (const outgoing of atWork) outgoing.write("{");
      await until(() => site.read(HOG) === 128);
      const refused = site.connect(HOG);
      await until(() => refused.closed);
      assert.equal(refused.getProtocol(), null, "it has not shaken hands");
      await site.assertServes();
      // One of them is done, and may make room.
      const [first] = atWork;
      first?.end();
      assert.equal((await answerOf(first ?? assert.fail())).status, 400);
      await site.idle(HOG);
    });
  });

  describe("bodies", PATIENCE, () => {
    const large = largeReview(6 * MIB);

    /** Sends all but the last byte of a large review. */
    function hold(site: Site, address: string): ClientRequest {
      const outgoing = site.begin(address);
      outgoing.write(large.slice(0, -1));
      return outgoing;
    }

    it("take 12 MiB at most of one address", async (context) => {
      const site = await startSite(context);
      site.countBodies(context);
      const held = [hold(site, HOG), hold(site, HOG)];
      await until(() => site.read(HOG) === 12 * MIB - 2);
      const excess = await site.post(HOG);
      assert.deepEqual(excess, { status: 503, text: "too many reviews at once\n" });
      await site.assertServes({ body: largeReview(MIB / 4) });
      for (const outgoing of held) {
        outgoing.end(large.slice(-1));
        assert.match((await answerOf(outgoing)).text, /not checked: it is too large/);
      }
      // Their room is free again.
      assert.equal((await site.post(HOG)).status, 200);
    });

    it("take 24 MiB at most of all, and the rest is kept for small ones", async (context) => {
      const site = await startSite(context);
      site.countBodies(context);
      const held = [HOG, HOG, SECOND_HOG, SECOND_HOG].map((address) => hold(site, address));
      await until(() => site.read(HOG) + site.read(SECOND_HOG) === 24 * MIB - 4);
      const excess = await site.post(THIRD_HOG, { body: largeReview(MIB / 4) });
      assert.deepEqual(excess, { status: 503, text: "too many reviews at once\n" });
      await site.assertServes();
      // Whoever goes away without an end gives its room back as well.
      for (const outgoing of held) outgoing.destroy();
      await until(() => held.every(({ closed }) => closed));
      let status = 503;
      while (status === 503) ({ status } = await site.post(THIRD_HOG, { body: largeReview(MIB / 4) }));
      assert.equal(status, 200);
    });

    it("take 32 MiB at most together, small ones included", async (context) => {
      const site = await startSite(context);
      site.countBodies(context);
      for (const address of [HOG, HOG, SECOND_HOG, SECOND_HOG]) hold(site, address);
      await until(() => site.read(HOG) + site.read(SECOND_HOG) === 24 * MIB - 4);
      const addresses = times(4, (index) => `127.0.1.${index}`);
      const small = times(128, (index) => site.begin(addresses[index % 4] as string));
      for (const outgoing of small) outgoing.write("x".repeat(64 * 1_024));
      await until(() => addresses.reduce((sum, address) => sum + site.read(address), 0) === 8 * MIB);
      const excess = await site.post(THIRD_HOG);
      assert.deepEqual(excess, { status: 503, text: "too many reviews at once\n" });
      // One that is done is room enough for the API server.
      const [first] = small;
      first?.end();
      assert.equal((await answerOf(first ?? assert.fail())).status, 400);
      await site.assertServes();
    });
  });

  describe("reviews", PATIENCE, () => {
    it("wait at most 128 at a time, and more are allowed without a look, at once", async (context) => {
      const clock = new ManualClock();
      const site = await startSite(context, clock);
      const waiting = [...times(64, () => site.post(HOG)), ...times(64, () => site.post(SECOND_HOG))];
      // A deadline for each, and the turn of the first.
      await until(() => clock.pendingTimers === 129);
      for (const address of [HOG, API_SERVER]) {
        const { status, text } = await site.post(address);
        assert.equal(status, 200);
        assert.match(text, /"allowed":true.*this object was not checked: Penstock is busy/);
      }
      clock.advance(0);
      for (const { text } of await Promise.all(waiting)) assert.match(text, /can never match/);
    });

    it("have 16 KiB of header at most", async (context) => {
      const site = await startSite(context);
      const headers = { "content-type": "application/json", "x-much": "x".repeat(17_000) };
      assert.equal((await site.post(HOG, { headers })).status, 431);
      await site.assertServes();
    });
  });

  describe("time", { ...PATIENCE, concurrency: true }, () => {
    it(
      "is up within a second for who is left when the server closes, hands shaken or not",
      { timeout: 4_000 },
      async (context) => {
        const clock = new ManualClock();
        const { site, server } = await startServer(context, clock);
        site.countBodies(context);
        const left = [await site.silent(HOG), await site.idle(HOG)];
        site.begin(HOG).write("{");
        await until(() => site.read(HOG) === 1);
        const closed = server.close();
        clock.advance(1_000);
        await closed;
        await until(() => left.every((socket) => socket.closed));
      },
    );

    it("is up for who does not shake hands", async (context) => {
      const site = await startSite(context);
      const socket = await site.silent(HOG);
      socket.resume();
      await site.assertServes();
      await once(socket, "close");
    });

    it("is up for who does not end the head", async (context) => {
      const site = await startSite(context);
      const socket = await site.idle(HOG);
      socket.write("POST /validate HTTP/1.1\r\nhost: x\r\nx-slow: ");
      await site.assertServes();
      const [head] = (await once(socket, "data")) as [Buffer];
      assert.match(head.toString(), /^HTTP\/1\.1 408 /);
      await once(socket, "close");
    });
  });
});
