// One leader at a time, whatever happens to replicas, clocks and the API server.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ManualClock } from "../../../../test/support/manual-clock.ts";
import type { ApiServerDouble } from "../../../../test/support/api-server/start-api-server.ts";
import { startApiServer } from "../../../../test/support/api-server/start-api-server.ts";
import type { Leadership } from "./leader-term.ts";
import { fenceClient, NotLeading } from "./leader-term.ts";
import { LeaderElection } from "./leader-election.ts";

const LEASE = { namespace: "ingress", name: "penstock-leader" };

interface LeaseSpec {
  readonly holderIdentity: string;
  readonly leaseTransitions: number;
  readonly renewTime: string;
}

/** A replica with a clock of its own. */
class Replica {
  readonly clock = new ManualClock();
  readonly problems: (string | null)[] = [];
  readonly terms: Leadership[] = [];
  readonly election: LeaderElection;
  wallOffsetMs = 0;

  constructor(t: TestContext, server: ApiServerDouble, identity: string) {
    this.election = new LeaderElection({
      client: server.client(),
      lease: LEASE,
      identity,
      clock: this.clock,
      wallTimeMs: () => 1_800_000_000_000 + this.wallOffsetMs + this.clock.now(),
      random: () => 0.5,
      onChange: (leadership) => {
        if (leadership !== null) this.terms.push(leadership);
      },
      onProblem: (message) => this.problems.push(message),
    });
    t.after(() => this.election.stop());
  }

  /** Until the attempt that is on its way has ended, and the next one is planned. */
  async settle(): Promise<void> {
    await untilTrue(() => (this.election.isLeader ? this.clock.pendingTimers === 2 : this.clock.pendingTimers === 1));
  }

  /** Lets time pass in steps, with every attempt that falls due answered. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0;) {
      const step = Math.min(left, this.clock.nextDelayMs ?? left);
      this.clock.advance(step);
      left -= step;
      await this.settle();
    }
  }
}

async function untilTrue(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, "waited in vain");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function serverOf(t: TestContext): Promise<ApiServerDouble> {
  const server = await startApiServer();
  t.after(() => server.stop());
  return server;
}

async function started(t: TestContext, server: ApiServerDouble, identity: string): Promise<Replica> {
  const replica = new Replica(t, server, identity);
  replica.election.start();
  await replica.settle();
  return replica;
}

function specOf(server: ApiServerDouble): LeaseSpec {
  return server.get({ kind: "Lease", ...LEASE })?.["spec"] as LeaseSpec;
}

test("the first replica leads and renews, the second waits and knows who leads", async (t) => {
  const server = await serverOf(t);
  const one = await started(t, server, "one");
  const two = await started(t, server, "two");
  assert.deepEqual([one.election.isLeader, two.election.isLeader], [true, false]);
  const first = specOf(server).renewTime;
  for (let round = 0; round < 20; round += 1) await Promise.all([one.pass(2_000), two.pass(2_000)]);
  assert.deepEqual([one.election.isLeader, two.election.isLeader], [true, false]);
  assert.notEqual(specOf(server).renewTime, first);
  assert.equal(specOf(server).leaseTransitions, 0);
  assert.equal(two.election.holder, "one");
  assert.deepEqual([...one.problems, ...two.problems], []);
});

test("a replica that was killed is followed once its Lease was not renewed for the whole duration, by the observer's clock", async (t) => {
  const server = await serverOf(t);
  const one = await started(t, server, "one");
  const two = new Replica(t, server, "two");
  // Hours ahead: the times in the Lease must mean nothing to it.
  two.wallOffsetMs = 5 * 3_600_000;
  two.election.start();
  await two.settle();
  await two.pass(14_900);
  assert.equal(two.election.isLeader, false);
  await two.pass(4_000);
  assert.equal(two.election.isLeader, true);
  assert.deepEqual([specOf(server).holderIdentity, specOf(server).leaseTransitions], ["two", 1]);
  await one.pass(2_000);
  assert.equal(one.election.isLeader, false, "who comes back finds another leader");
  assert.equal(one.terms[0]?.signal.aborted, true);
});

test("a leader that cannot renew stops at the deadline, before another could begin, and leads again later", async (t) => {
  const server = await serverOf(t);
  const one = await started(t, server, "one");
  await server.stop();
  await one.pass(9_999);
  assert.equal(one.election.isLeader, true);
  one.clock.advance(1);
  assert.equal(one.election.isLeader, false);
  assert.equal(one.terms[0]?.signal.aborted, true);
  assert.match(one.problems[0] ?? "", /cannot take part in the election/);
  await server.start();
  await one.pass(5_000);
  assert.equal(one.election.isLeader, true);
  assert.equal(one.problems.at(-1), null);
  assert.equal(one.terms.length, 2);
});

test("a leader whose renewal gets no answer stops at the deadline all the same", async (t) => {
  const server = await serverOf(t);
  const one = await started(t, server, "one");
  server.freeze();
  one.clock.advance(2_000);
  await server.requestSeen((request) => request.verb === "update");
  one.clock.advance(8_000);
  assert.equal(one.election.isLeader, false);
  server.thaw();
});

test("a process that was stopped for a while does not lead when it wakes, though no timer has fired", async (t) => {
  const server = await serverOf(t);
  const one = await started(t, server, "one");
  one.clock.suspend(10_000);
  assert.equal(one.election.isLeader, false);
  one.clock.advance(0);
  await one.settle();
  const [term] = one.terms;
  assert.equal(term?.remainingMs(), 0);
});

test("a machine that was suspended, its monotonic clock with it, does not lead when it wakes", async (t) => {
  const server = await serverOf(t);
  const one = await started(t, server, "one");
  one.wallOffsetMs = 10_000;
  assert.equal(one.election.isLeader, false);
  one.wallOffsetMs = -60_000;
  assert.equal(one.election.isLeader, true, "a clock that was set back is not more time, nor less");
});

test("a leader that stops gives the Lease back, so that the next look of another takes it", async (t) => {
  const server = await serverOf(t);
  const one = await started(t, server, "one");
  const two = await started(t, server, "two");
  await one.election.stop();
  assert.equal(one.election.isLeader, false);
  assert.equal(specOf(server).holderIdentity, "");
  await two.pass(4_400);
  assert.equal(two.election.isLeader, true);
});

test("a candidate that stops leaves the Lease alone", async (t) => {
  const server = await serverOf(t);
  await started(t, server, "one");
  const two = await started(t, server, "two");
  await two.election.stop();
  assert.equal(specOf(server).holderIdentity, "one");
});

test("of two that see the same free Lease one gets it: the server compares versions", async (t) => {
  const server = await serverOf(t);
  const spec = { holderIdentity: "", leaseDurationSeconds: 1, leaseTransitions: 4 };
  server.apply({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { ...LEASE, labels: { a: "b" } },
    spec,
  });
  const one = new Replica(t, server, "one");
  const two = new Replica(t, server, "two");
  server.freeze();
  one.election.start();
  two.election.start();
  await server.requestSeen((request) => request.verb === "get", 2);
  server.thaw();
  await Promise.all([one.settle(), two.settle()]);
  assert.equal(Number(one.election.isLeader) + Number(two.election.isLeader), 1);
  assert.equal(specOf(server).leaseTransitions, 5);
  assert.deepEqual(server.get({ kind: "Lease", ...LEASE })?.metadata.labels, { a: "b" }, "what others wrote stays");
});

test("says once what RBAC has to grant, and takes part as soon as it does", async (t) => {
  const server = await serverOf(t);
  server.forbid({ verbs: ["get"], group: "coordination.k8s.io", resource: "leases" });
  const one = await started(t, server, "one");
  await one.pass(20_000);
  assert.equal(one.problems.length, 1);
  assert.match(one.problems[0] ?? "", /Lease ingress\/penstock-leader.*grant get, create and update of leases/);
  server.allow();
  await one.pass(5_000);
  assert.equal(one.election.isLeader, true);
  assert.equal(one.problems.at(-1), null);
});

test("a fenced client sends nothing without a term, and aborts what is on its way when the term ends", async (t) => {
  const server = await serverOf(t);
  const one = await started(t, server, "one");
  const client = fenceClient(server.client("writer"), () => one.election.leadership);
  const write = { method: "GET", path: "/api/v1/namespaces" } as const;
  assert.equal((await client.send(write)).status, 200);
  server.freeze();
  const pending = client.send(write);
  await server.requestSeen((request) => request.userAgent === "writer", 2);
  one.clock.advance(10_000);
  await assert.rejects(pending);
  server.thaw();
  await assert.rejects(client.send(write), NotLeading);
  assert.equal(server.requests.filter((request) => request.userAgent === "writer").length, 2);
});
