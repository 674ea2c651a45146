// The status of our Ingresses says where they are reached, and nobody else's is touched.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ApiServerDouble } from "../../../../test/support/api-server/start-api-server.ts";
import { startApiServer } from "../../../../test/support/api-server/start-api-server.ts";
import { ManualClock } from "../../../../test/support/manual-clock.ts";
import type { NamespacedName } from "../../../ir/names.ts";
import { ObjectStore } from "../../object-store.ts";
import type { WatchedObject } from "../../object-types.ts";
import type { Leadership } from "../leader-election/leader-term.ts";
import { permanentLeadership } from "../leader-election/leader-term.ts";
import type { AddressOrigin } from "./address-book.ts";
import { StatusWriter } from "./status-writer.ts";

const FIXED: AddressOrigin = { type: "fixed", addresses: ["192.0.2.1"] };
const OURS = [{ ip: "192.0.2.1" }];
const EDGE = { namespace: "ingress", name: "edge" };

function named(name: string): NamespacedName {
  return { namespace: "shop", name };
}

class Rig {
  readonly clock = new ManualClock();
  readonly store = new ObjectStore();
  readonly outcomes: string[] = [];
  reasons: string[] = [];
  readonly server: ApiServerDouble;
  readonly writer: StatusWriter;

  constructor(server: ApiServerDouble, origin: AddressOrigin) {
    this.server = server;
    this.writer = new StatusWriter({
      client: server.client(),
      store: this.store,
      origin,
      clock: this.clock,
      random: () => 1,
      observer: {
        onWrite: (outcome) => this.outcomes.push(outcome),
        onDiagnostics: (diagnostics) => {
          this.reasons = diagnostics.map(({ reason }) => reason);
        },
      },
    });
  }

  ingress(name: string, ingress: readonly object[] = []): void {
    this.server.apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: named(name),
      status: { loadBalancer: { ingress } },
    });
  }

  /** What a watch would have brought by now. */
  mirror(): void {
    for (const kind of ["Ingress", "Service", "EndpointSlice"] as const) {
      for (const object of this.server.objects(kind)) {
        this.store.apply([
          { type: "upsert", object: structuredClone(object) as unknown as WatchedObject, location: null },
        ]);
      }
    }
  }

  addresses(name: string): unknown {
    const status = this.server.get({ kind: "Ingress", ...named(name) })?.["status"];
    return (status as { loadBalancer: { ingress?: unknown } } | undefined)?.loadBalancer.ingress ?? [];
  }

  get writes(): string[] {
    return this.server.requests.filter(({ verb }) => verb === "patch").map(({ name }) => name);
  }

  /** Lets everything that falls due within the time happen, and what follows from it. */
  async pass(ms = 1_000): Promise<void> {
    const until = this.clock.now() + ms;
    await settle();
    while (this.clock.now() < until) {
      this.clock.advance(Math.min(until - this.clock.now(), Math.max(1, this.clock.nextDelayMs ?? ms)));
      await settle();
    }
  }

  /** Until the condition holds, while time passes. */
  async passUntil(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!condition()) {
      assert.ok(Date.now() < deadline, "waited in vain");
      this.clock.advance(20);
      await settle();
    }
  }
}

/** A few turns of the event loop: enough for a request on the loopback to be answered. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function rigOf(t: TestContext, origin = FIXED): Promise<Rig> {
  const server = await startApiServer();
  const rig = new Rig(server, origin);
  t.after(async () => {
    await rig.writer.stop(false);
    await server.stop();
  });
  return rig;
}

test("writes ours, order aside, and leaves right ones and strangers alone", async (t) => {
  const rig = await rigOf(t, { type: "fixed", addresses: ["edge.example", "192.0.2.1"] });
  rig.ingress("wrong", [{ ip: "198.51.100.1" }]);
  rig.ingress("right", [{ hostname: "edge.example" }, { ip: "192.0.2.1" }]);
  rig.ingress("stranger", [{ ip: "203.0.113.1" }]);
  rig.mirror();
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("wrong"), named("right")]);
  await rig.passUntil(() => rig.outcomes.length === 1);
  await rig.pass();
  assert.deepEqual(rig.writes, ["wrong"]);
  assert.deepEqual(rig.addresses("wrong"), [{ ip: "192.0.2.1" }, { hostname: "edge.example" }]);
  assert.deepEqual(rig.addresses("stranger"), [{ ip: "203.0.113.1" }]);
  rig.mirror();
  await rig.pass();
  assert.deepEqual(rig.writes, ["wrong"], "its own write coming back is no reason to write");
});

test("a status that somebody changed is put right again", async (t) => {
  const rig = await rigOf(t);
  rig.ingress("a", OURS);
  rig.mirror();
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a")]);
  await rig.pass();
  assert.deepEqual(rig.writes, []);
  rig.ingress("a", []);
  rig.mirror();
  await rig.passUntil(() => rig.outcomes.length === 1);
  assert.deepEqual(rig.addresses("a"), OURS);
});

test("only a leader writes, and a term that ended writes nothing more", async (t) => {
  const rig = await rigOf(t);
  rig.ingress("a");
  rig.mirror();
  rig.writer.update([named("a")]);
  await rig.pass();
  assert.deepEqual(rig.writes, []);
  const ended: Leadership = { signal: new AbortController().signal, remainingMs: () => 0 };
  rig.writer.lead(ended);
  await rig.pass();
  assert.deepEqual(rig.server.requests, [], "by its clock the term is over, though nobody has said so yet");
  rig.writer.lead(null);
  rig.writer.lead(permanentLeadership());
  await rig.passUntil(() => rig.outcomes.includes("written"));
  assert.deepEqual(rig.addresses("a"), OURS);
});

test("an Ingress that stops being ours loses what we wrote, and only that", async (t) => {
  const rig = await rigOf(t);
  rig.ingress("a", OURS);
  rig.ingress("b", OURS);
  rig.mirror();
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a"), named("b")]);
  await rig.pass();
  rig.ingress("a", [...OURS, { ip: "203.0.113.9" }]);
  rig.ingress("b", [{ ip: "203.0.113.9" }]);
  rig.mirror();
  rig.writer.update([]);
  await rig.passUntil(() => rig.outcomes.length === 1);
  rig.mirror();
  await rig.pass();
  assert.deepEqual(rig.addresses("a"), [{ ip: "203.0.113.9" }]);
  assert.deepEqual(rig.writes, ["a"], "who took over b has written over ours already");
});

test("a conflict is tried again with what the store knows by then", async (t) => {
  const rig = await rigOf(t);
  rig.ingress("a");
  rig.mirror();
  const object = rig.server.get({ kind: "Ingress", ...named("a") });
  assert.ok(object !== null);
  rig.server.apply({ ...object, spec: { changed: true } });
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a")]);
  await rig.passUntil(() => rig.outcomes.length === 1);
  assert.deepEqual(rig.outcomes, ["conflict"]);
  rig.mirror();
  await rig.passUntil(() => rig.outcomes.length === 2);
  assert.deepEqual(rig.outcomes, ["conflict", "written"]);
});

test("an overloaded server is left alone for as long as it asks, and one that is gone until it is back", async (t) => {
  const rig = await rigOf(t);
  rig.ingress("a");
  rig.mirror();
  rig.server.answerNext({ match: { verb: "patch" }, status: 429, headers: { "retry-after": "20" } });
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a")]);
  await rig.passUntil(() => rig.outcomes.length === 1);
  await rig.pass(19_000);
  assert.equal(rig.writes.length, 1);
  await rig.server.stop();
  await rig.passUntil(() => rig.outcomes.length >= 3);
  assert.deepEqual(new Set(rig.outcomes), new Set(["unavailable"]));
  await rig.server.start();
  await rig.passUntil(() => rig.outcomes.at(-1) === "written");
  assert.deepEqual(rig.addresses("a"), OURS);
});

test("many writes go out at the rate, not all at once", async (t) => {
  const rig = await rigOf(t);
  const names = Array.from({ length: 150 }, (_, n) => named(`i${n}`));
  for (const { name } of names) rig.ingress(name);
  rig.mirror();
  rig.writer.lead(permanentLeadership());
  rig.writer.update(names);
  rig.clock.advance(200);
  await settle();
  rig.clock.advance(200);
  const deadline = Date.now() + 30_000;
  while (rig.outcomes.length < 100 && Date.now() < deadline) await settle();
  await settle();
  assert.equal(rig.writes.length, 100);
  await rig.passUntil(() => rig.outcomes.length === 150);
});

test("says what RBAC lacks, and that it is well again", async (t) => {
  const rig = await rigOf(t);
  const rule = { verbs: ["patch"], group: "networking.k8s.io", resource: "ingresses/status" };
  rig.server.forbid(rule);
  rig.ingress("a");
  rig.mirror();
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a")]);
  await rig.passUntil(() => rig.outcomes.length === 1);
  assert.deepEqual(rig.reasons, ["StatusForbidden"]);
  rig.server.allow(rule);
  await rig.passUntil(() => rig.outcomes.at(-1) === "written");
  assert.deepEqual(rig.reasons, []);
});

function service(rig: Rig, ingress: readonly object[]): void {
  const spec = { type: "LoadBalancer", clusterIP: "10.0.0.1" };
  rig.server.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: EDGE,
    spec: { ...spec, ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress } },
  });
}

test("follows the published Service, and keeps what is there while it has no address", async (t) => {
  const rig = await rigOf(t, { type: "service", service: EDGE });
  rig.ingress("a");
  service(rig, [{ ip: "192.0.2.7" }]);
  rig.mirror();
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a")]);
  await rig.passUntil(() => rig.outcomes.length === 1);
  assert.deepEqual(rig.addresses("a"), [{ ip: "192.0.2.7" }]);
  service(rig, []);
  rig.mirror();
  await rig.passUntil(() => rig.reasons[0] === "PublishedServiceWithoutAddress");
  await rig.pass();
  assert.deepEqual(rig.addresses("a"), [{ ip: "192.0.2.7" }]);
  service(rig, [{ hostname: "lb.example" }]);
  rig.mirror();
  await rig.passUntil(() => rig.outcomes.length === 2);
  assert.deepEqual(rig.addresses("a"), [{ hostname: "lb.example" }]);
  assert.deepEqual(rig.reasons, []);
});

test("reads a published Service that the store does not hold, and notices when it comes", async (t) => {
  const rig = await rigOf(t, { type: "service", service: EDGE });
  rig.ingress("a");
  rig.mirror();
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a")]);
  await rig.passUntil(() => rig.reasons[0] === "PublishedServiceNotFound");
  service(rig, [{ ip: "192.0.2.7" }]);
  await rig.pass(61_000);
  await rig.passUntil(() => rig.outcomes.length === 1);
  assert.deepEqual(rig.addresses("a"), [{ ip: "192.0.2.7" }]);
});

test("publishes the nodes that run the endpoints, or says that it may not read them", async (t) => {
  const rig = await rigOf(t, { type: "nodes", service: EDGE });
  for (const [name, address] of [
    ["n1", "198.51.100.1"],
    ["n2", "198.51.100.2"],
  ] as const) {
    rig.server.apply({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name },
      status: { addresses: [{ type: "InternalIP", address }] },
    });
  }
  rig.ingress("a");
  service(rig, []);
  const slice = (nodeName: string): void => {
    const metadata = { ...EDGE, labels: { "kubernetes.io/service-name": EDGE.name } };
    rig.server.apply({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata,
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.2"], nodeName }],
    });
    rig.mirror();
  };
  slice("n1");
  const rule = { verbs: ["get"], group: "", resource: "nodes" };
  rig.server.forbid(rule);
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a")]);
  await rig.passUntil(() => rig.reasons[0] === "PublishedAddressForbidden");
  rig.server.allow(rule);
  await rig.pass(61_000);
  await rig.passUntil(() => rig.outcomes.length === 1);
  assert.deepEqual(rig.addresses("a"), [{ ip: "198.51.100.1" }]);
  rig.mirror();
  slice("n2");
  await rig.passUntil(() => rig.outcomes.length === 2);
  assert.deepEqual(rig.addresses("a"), [{ ip: "198.51.100.2" }]);
});

test("clears on stop only when asked, and within its deadline", async (t) => {
  const rig = await rigOf(t);
  rig.ingress("a", OURS);
  rig.mirror();
  rig.writer.lead(permanentLeadership());
  rig.writer.update([named("a")]);
  await rig.pass();
  let isStopped = false;
  const stopped = rig.writer.stop(true).then(() => (isStopped = true));
  await rig.passUntil(() => isStopped);
  await stopped;
  assert.deepEqual(rig.addresses("a"), []);

  const other = await rigOf(t);
  other.ingress("a", OURS);
  other.mirror();
  other.writer.lead(permanentLeadership());
  other.writer.update([named("a")]);
  await other.pass();
  other.server.freeze();
  let isOver = false;
  const over = other.writer.stop(true).then(() => (isOver = true));
  await other.pass(4_900);
  assert.equal(isOver, false);
  await other.pass(200);
  await over;
  await rig.writer.stop(false);
  assert.deepEqual(other.addresses("a"), OURS);
});
