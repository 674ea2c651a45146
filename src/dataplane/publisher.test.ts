import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../../test/support/manual-clock.ts";
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { ToWorker } from "./protocol.ts";
import type { PublishOutcome } from "./publisher.ts";
import { Publisher } from "./publisher.ts";
import type { WorkerLink } from "./worker-link.ts";

suite("publisher", () => {
  test("a snapshot is programmed when the last worker has acknowledged it", async () => {
    const rig = new Rig(2);
    const outcome = rig.publish(snapshot("cart"));
    rig.clock.advance(7);
    rig.worker(0).answer();
    assert.equal(rig.publisher.isServing, false);
    assert.equal(rig.outcomes.length, 0);
    rig.worker(1).answer();
    assert.deepEqual(await outcome, { generation: 1, state: "programmed", durationMs: 7 });
    assert.equal(rig.publisher.isServing, true);
  });

  test("at most one snapshot is under way to a worker, and the newest that waits replaces the others", async () => {
    const rig = new Rig(1);
    const outcomes = ["one", "two", "three"].map((name) => rig.publish(snapshot(name)));
    assert.deepEqual(rig.worker(0).inbox, ["snapshot 1"]);
    rig.worker(0).answer();
    assert.deepEqual(rig.worker(0).inbox, ["snapshot 3"]);
    rig.worker(0).answer();
    const states = (await Promise.all(outcomes)).map((outcome) => outcome.state);
    assert.deepEqual(states, ["superseded", "superseded", "programmed"]);
  });

  test("a slow worker does not hold up the others", () => {
    const rig = new Rig(2);
    void rig.publish(snapshot("one"));
    rig.worker(1).answer();
    void rig.publish(snapshot("two"));
    rig.worker(1).answer();
    assert.equal(rig.worker(1).generation, 2);
    assert.deepEqual(rig.worker(0).inbox, ["snapshot 1"]);
  });

  test("a refused snapshot is a diagnostic, and the last good one stays in force everywhere", async () => {
    const rig = new Rig(2);
    void rig.publish(snapshot("good"));
    rig.answerAll();
    const outcome = rig.publish(snapshot("bad"));
    rig.worker(0).answer();
    rig.worker(1).refuse("route 3 has no path");
    rig.answerAll();
    assert.equal((await outcome).state, "refused");
    assert.deepEqual(rig.generations(), [1, 1], "also the worker that had accepted it");
    assert.equal(rig.diagnostics[0]?.reason, "SnapshotRefused");
    assert.match(rig.diagnostics[0]?.message ?? "", /Worker 1 refused configuration generation 2.*route 3 has no path/);
    assert.equal(rig.publisher.isServing, true);
  });

  test("the next good snapshot resolves the diagnostic", () => {
    const rig = new Rig(2);
    void rig.publish(snapshot("bad"));
    rig.worker(0).refuse("broken");
    rig.worker(1).refuse("broken");
    assert.equal(rig.diagnostics.length, 1, "one reason, however many workers");
    void rig.publish(snapshot("good"));
    rig.answerAll();
    assert.deepEqual(rig.diagnostics, []);
    assert.deepEqual(rig.generations(), [2, 2]);
  });

  test("a worker that refuses still gets the endpoints that came with the refused snapshot", () => {
    const rig = new Rig(1);
    void rig.publish(snapshot("good", set("a", "10.0.0.1")));
    rig.answerAll();
    void rig.publish(snapshot("bad", set("a", "10.0.0.2")));
    rig.worker(0).refuse("broken");
    rig.answerAll();
    assert.equal(rig.worker(0).generation, 1);
    assert.equal(rig.worker(0).endpoints.get("a"), "10.0.0.2");
  });

  test("a replacement gets the current snapshot with the newest endpoints, under the same generation", async () => {
    const rig = new Rig(2);
    void rig.publish(snapshot("one", set("a", "10.0.0.1")));
    rig.answerAll();
    const told = rig.publisher.publishEndpoints([set("a", "10.0.0.2")]);
    rig.answerAll();
    await told;
    rig.replace(0);
    assert.equal(rig.publisher.isServing, true, "the other one serves on");
    assert.deepEqual(rig.worker(0).inbox, ["snapshot 1"]);
    rig.answerAll();
    assert.equal(rig.worker(0).endpoints.get("a"), "10.0.0.2");
  });

  test("a replacement is spared the snapshot that is known to be refused", () => {
    const rig = new Rig(2);
    void rig.publish(snapshot("good"));
    rig.answerAll();
    const refused = rig.publish(snapshot("bad"));
    rig.worker(0).refuse("broken");
    rig.replace(0);
    assert.deepEqual(rig.worker(0).inbox, ["snapshot 1"]);
    rig.worker(1).refuse("broken");
    rig.answerAll();
    return refused.then((outcome) => assert.equal(outcome.state, "refused"));
  });

  test("a worker that dies while a snapshot is under way does not keep it open", async () => {
    const rig = new Rig(2);
    const outcome = rig.publish(snapshot("one"));
    rig.worker(0).answer();
    rig.stop(1);
    assert.equal((await outcome).state, "programmed");
  });

  test("where every worker is dead, publishing waits for a replacement", async () => {
    const rig = new Rig(1);
    rig.stop(0);
    const outcome = rig.publish(snapshot("one"));
    assert.equal(rig.publisher.isServing, false);
    rig.replace(0);
    rig.answerAll();
    assert.equal((await outcome).state, "programmed");
  });

  test("endpoints that change while others are under way are sent once, with their newest state", async () => {
    const rig = new Rig(1);
    void rig.publish(snapshot("one", set("a"), set("b")));
    rig.answerAll();
    const told = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((ip) => rig.publisher.publishEndpoints([set("a", ip)]));
    void rig.publisher.publishEndpoints([set("b", "10.0.1.1")]);
    assert.deepEqual(rig.worker(0).inbox, ["endpoints 1: a"]);
    rig.worker(0).answer();
    assert.deepEqual(rig.worker(0).inbox, ["endpoints 4: a b"]);
    rig.worker(0).answer();
    await Promise.all(told);
    assert.equal(rig.worker(0).endpoints.get("a"), "10.0.0.3");
  });

  test("of very many endpoints a worker gets a bounded number at a time, the rest with each answer", async () => {
    const rig = new Rig(1);
    const ips = Array.from({ length: 3_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const ids = ["a", "b", "c"];
    void rig.publish(snapshot("one", ...ids.map((id) => set(id))));
    rig.answerAll();
    const told = rig.publisher.publishEndpoints(ids.map((id) => set(id, ...ips)));
    assert.deepEqual(rig.worker(0).inbox, ["endpoints 1: a"]);
    rig.worker(0).answer();
    void rig.publisher.publishEndpoints([set("c", "10.9.9.9")]);
    assert.deepEqual(rig.worker(0).inbox, ["endpoints 1: b"]);
    rig.worker(0).answer();
    assert.equal(await Promise.race([told, turn("pending")]), "pending", "c is still to come");
    assert.deepEqual(rig.worker(0).inbox, ["endpoints 2: c"]);
    rig.worker(0).answer();
    await told;
    assert.equal(rig.worker(0).endpoints.get("c"), "10.9.9.9");
  });

  test("endpoints that came with a snapshot are told when it is served, though later ones are in force already", async () => {
    const rig = new Rig(1);
    void rig.publish(snapshot("one", set("a"), set("b")));
    rig.answerAll();
    void rig.publisher.publishEndpoints([set("a", "10.0.0.1")]);
    const first = rig.publisher.publishEndpoints([set("a", "10.0.0.2")]);
    void rig.publish(snapshot("two", set("a", "10.0.0.2"), set("b")));
    rig.worker(0).answer();
    const second = rig.publisher.publishEndpoints([set("b", "10.0.1.1")]);
    assert.deepEqual(rig.worker(0).inbox, ["snapshot 2", "endpoints 3: b"]);
    rig.worker(0).answerEndpoints();
    assert.equal(rig.worker(0).endpoints.get("b"), "10.0.1.1");
    assert.equal(await Promise.race([first, second, turn("pending")]), "pending");
    rig.worker(0).answer();
    await Promise.all([first, second]);
    assert.deepEqual(
      [...rig.worker(0).endpoints],
      [
        ["a", "10.0.0.2"],
        ["b", "10.0.1.1"],
      ],
    );
  });

  test("a delta that waited does not bring back what a later snapshot replaced", () => {
    const rig = new Rig(1);
    void rig.publish(snapshot("one", set("a", "10.0.0.1")));
    rig.answerAll();
    void rig.publisher.publishEndpoints([set("a", "10.0.0.2")]);
    void rig.publisher.publishEndpoints([set("a", "10.0.0.3")]);
    void rig.publish(snapshot("two", set("a", "10.0.0.4")));
    rig.answerAll();
    assert.equal(rig.worker(0).endpoints.get("a"), "10.0.0.4");
  });

  test("a snapshot that had to wait goes out with the endpoints that became known meanwhile", () => {
    const rig = new Rig(1);
    void rig.publish(snapshot("one", set("a", "10.0.0.1")));
    void rig.publish(snapshot("two", set("a", "10.0.0.1")));
    void rig.publisher.publishEndpoints([set("a", "10.0.0.2")]);
    rig.answerAll();
    assert.equal(rig.worker(0).generation, 2);
    assert.equal(rig.worker(0).endpoints.get("a"), "10.0.0.2");
  });

  test("resolved endpoints outlive a new snapshot while the upstream has a name", () => {
    const rig = new Rig(1);
    void rig.publish(named("one", "ext"));
    rig.answerAll();
    void rig.publisher.publishEndpoints([set("ext", "192.0.2.1")]);
    rig.answerAll();
    void rig.publish(named("two", "ext"));
    rig.answerAll();
    assert.equal(rig.worker(0).endpoints.get("ext"), "192.0.2.1");
    void rig.publish(snapshot("three"));
    void rig.publish(named("four", "ext"));
    rig.answerAll();
    assert.equal(rig.worker(0).endpoints.get("ext"), undefined, "gone with the upstream");
  });

  test("endpoints of upstreams that no snapshot has are dropped at once", async () => {
    const rig = new Rig(1);
    await rig.publisher.publishEndpoints([set("stranger", "10.0.0.1")]);
    void rig.publish(snapshot("one"));
    rig.answerAll();
    await rig.publisher.publishEndpoints([set("stranger", "10.0.0.1")]);
    assert.deepEqual(rig.worker(0).inbox, []);
  });

  test("what the admin endpoint shows is what the workers were told", () => {
    const rig = new Rig(1);
    assert.equal(rig.publisher.published, null);
    void rig.publish(snapshot("one", set("a", "10.0.0.1")));
    void rig.publisher.publishEndpoints([set("a", "10.0.0.2")]);
    assert.deepEqual(rig.publisher.published, { generation: 1, snapshot: snapshot("one", set("a", "10.0.0.2")) });
  });

  test("whatever is published, answered, refused and killed, the workers end with what is newest", async () => {
    const ids = ["a", "b", "c"];
    const ip = fc.integer({ min: 1, max: 9 }).map((n) => `10.0.0.${n}`);
    const step = fc.oneof(
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("publish" as const), isGood: fc.boolean() }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("tell" as const), id: fc.constantFrom(...ids), ip }) },
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("answer" as const), workerId: fc.nat(1) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("answer endpoints" as const), workerId: fc.nat(1) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("replace" as const), workerId: fc.nat(1) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const rig = new Rig(2);
        const truth = new Map(ids.map((id) => [id, ""]));
        const promises: Promise<unknown>[] = [];
        const publish = (host: string): void => {
          const sets = [...truth].map(([id, address]) => set(id, ...(address === "" ? [] : [address])));
          promises.push(rig.publish(snapshot(host, ...sets)));
        };
        publish("good");
        rig.judgeAll();
        for (const one of steps) {
          if (one.kind === "publish") publish(one.isGood ? "good" : "bad");
          else if (one.kind === "answer") rig.worker(one.workerId).judge();
          else if (one.kind === "answer endpoints") rig.worker(one.workerId).answerEndpoints();
          else if (one.kind === "replace") rig.replace(one.workerId);
          else {
            truth.set(one.id, one.ip);
            promises.push(rig.publisher.publishEndpoints([set(one.id, one.ip)]));
          }
        }
        rig.judgeAll();
        assert.equal(await Promise.race([Promise.all(promises).then(() => "settled"), turn("pending")]), "settled");
        assert.deepEqual(rig.worker(0).endpoints, truth);
        assert.deepEqual(rig.worker(1).endpoints, truth);
        const [first, second] = rig.generations();
        assert.equal(first, second);
        publish("good");
        rig.judgeAll();
        assert.deepEqual(rig.generations(), [rig.publisher.generation, rig.publisher.generation]);
      }),
      { numRuns: 300 },
    );
  });
});

/** Resolves after the reactions of all promises that are settled by now. */
function turn<T>(value: T): Promise<T> {
  return new Promise((resolve) => setImmediate(() => resolve(value)));
}

/** A publisher and workers that answer when the test says so. */
class Rig {
  readonly clock = new ManualClock();
  readonly outcomes: PublishOutcome[] = [];
  diagnostics: readonly Diagnostic[] = [];
  readonly publisher: Publisher;
  readonly #workers: FakeWorker[] = [];

  constructor(workerCount: number) {
    this.publisher = new Publisher({
      workerCount,
      clock: this.clock,
      observer: {
        published: (outcome) => this.outcomes.push(outcome),
        diagnosed: (diagnostics) => (this.diagnostics = diagnostics),
      },
    });
    for (let workerId = 0; workerId < workerCount; workerId += 1) this.#start(workerId);
  }

  publish(published: Snapshot): Promise<PublishOutcome> {
    return this.publisher.publish(published);
  }

  worker(workerId: number): FakeWorker {
    return this.#workers[workerId] ?? assert.fail(`no worker ${workerId}`);
  }

  generations(): number[] {
    return this.#workers.map((worker) => worker.generation);
  }

  answerAll(): void {
    while (this.#workers.some((worker) => worker.inbox.length > 0)) {
      for (const worker of this.#workers) worker.answer();
    }
  }

  judgeAll(): void {
    while (this.#workers.some((worker) => worker.inbox.length > 0)) {
      for (const worker of this.#workers) worker.judge();
    }
  }

  stop(workerId: number): void {
    const worker = this.worker(workerId);
    worker.isDead = true;
    this.publisher.workerStopped(worker);
  }

  replace(workerId: number): void {
    if (!this.worker(workerId).isDead) this.stop(workerId);
    this.#start(workerId);
  }

  #start(workerId: number): void {
    const worker = new FakeWorker(workerId, this.publisher);
    this.#workers[workerId] = worker;
    this.publisher.workerStarted(worker);
  }
}

class FakeWorker implements WorkerLink {
  readonly workerId: number;
  isDead = false;
  generation = 0;
  endpoints = new Map<string, string>();
  readonly #publisher: Publisher;
  readonly #queue: ToWorker[] = [];

  constructor(workerId: number, publisher: Publisher) {
    this.workerId = workerId;
    this.#publisher = publisher;
  }

  post(message: ToWorker): void {
    this.#queue.push(structuredClone(message));
  }

  get inbox(): string[] {
    return this.#queue.map((message) => {
      if (message.type === "snapshot") return `snapshot ${message.generation}`;
      if (message.type !== "endpoints") return message.type;
      return `endpoints ${message.sequence}: ${message.changed.map((changed) => changed.upstream).join(" ")}`;
    });
  }

  /** Takes the next message well. */
  answer(): void {
    const message = this.#queue.shift();
    if (message?.type === "snapshot") {
      this.generation = message.generation;
      this.endpoints = new Map(message.snapshot.endpoints.map((one) => [one.upstream, addresses(one)]));
      this.#publisher.workerAnswered(this, { type: "ack", generation: message.generation });
    } else if (message?.type === "endpoints") {
      this.#takeEndpoints(message.sequence, message.changed);
    }
  }

  #takeEndpoints(sequence: number, changed: readonly EndpointSet[]): void {
    for (const one of changed) this.endpoints.set(one.upstream, addresses(one));
    this.#publisher.workerAnswered(this, { type: "endpoints-ack", sequence });
  }

  /** Endpoints take effect at once, while a snapshot is still being taken in, and are part of that, too. */
  answerEndpoints(): void {
    const index = this.#queue.findIndex((message) => message.type === "endpoints");
    const [message] = index === -1 ? [] : this.#queue.splice(index, 1);
    if (message?.type !== "endpoints") return;
    const before = this.#queue[0];
    if (before?.type === "snapshot" && index > 0) {
      const sets = new Map(before.snapshot.endpoints.map((one) => [one.upstream, one]));
      for (const one of message.changed) sets.set(one.upstream, one);
      this.#queue[0] = { ...before, snapshot: { ...before.snapshot, endpoints: [...sets.values()] } };
    }
    this.#takeEndpoints(message.sequence, message.changed);
  }

  refuse(reason: string): void {
    const message = this.#queue.shift();
    assert.equal(message?.type, "snapshot");
    this.#publisher.workerAnswered(this, { type: "nack", generation: message.generation, reason });
  }

  /** As a real worker would: refuses what is bad. */
  judge(): void {
    const [next] = this.#queue;
    const host = next?.type === "snapshot" ? next.snapshot.routeTable.virtualHosts[0]?.host : "good";
    if (host === "bad") this.refuse("bad host");
    else this.answer();
  }
}

function snapshot(host: string, ...endpoints: EndpointSet[]): Snapshot {
  return {
    routeTable: { virtualHosts: [{ host, routes: [] }], tlsHosts: [] },
    upstreams: endpoints.map(({ upstream }) => ({ id: upstream, protocol: "http", tls: null, dnsName: null })),
    certificates: [],
    defaultCertificate: null,
    endpoints,
  };
}

function named(host: string, upstream: string): Snapshot {
  const dnsName = { host: "api.example", port: 443 };
  return { ...snapshot(host), upstreams: [{ id: upstream, protocol: "http", tls: null, dnsName }] };
}

function set(upstream: string, ...ips: string[]): EndpointSet {
  const flags = { weight: 1, ready: true, serving: true, terminating: false, zone: null, forZones: [], node: null };
  return { upstream, endpoints: ips.map((address) => ({ address, port: 80, ...flags })) };
}

function addresses(one: EndpointSet): string {
  return one.endpoints.map((endpoint) => endpoint.address).join(",");
}
