import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as nextMacrotask } from "node:timers/promises";
import { endpointSetOf, fakeEnvironment, snapshotOf } from "../../test/support/ingress-snapshot.ts";
import type { SnapshotSpec } from "../../test/support/ingress-snapshot.ts";
import type { PostedSnapshotPart } from "../dataplane/protocol.ts";
import { SnapshotDiffer } from "../dataplane/snapshot-differ.ts";
import { SnapshotSender } from "../dataplane/snapshot-sender.ts";
import type { CompiledSnapshot } from "./compile.ts";
import { applyEndpoints, compileInSlices } from "./compile.ts";
import { SnapshotIntake } from "./snapshot-intake.ts";
import { UNITS_PER_TURN } from "./work-units.ts";

const NONE = [] as const;
/** Takes several parts, and several turns to compile. */
const MANY = 3 * UNITS_PER_TURN;

describe("taking in a snapshot", () => {
  test("reads one part a turn and compiles one slice a turn, however many paths a host has", async () => {
    const rig = new Rig();
    rig.take(1, bigSpec(MANY));
    assert.ok(rig.parts.length >= 3);
    while (rig.isBusy) {
      const before = rig.compiledRoutes;
      await rig.turn();
      assert.ok(rig.compiledRoutes - before <= UNITS_PER_TURN);
    }
    assert.equal(rig.compiledRoutes, MANY + 2, "and two upstreams");
    assert.deepEqual(rig.said, ["ack 1"]);
    assert.ok(rig.turns >= rig.parts.length + MANY / UNITS_PER_TURN, `${rig.turns} turns`);
  });

  test("of many hosts, upstreams and certificates is as bounded, and what is unchanged costs little", async () => {
    const rig = new Rig();
    const numbers = Array.from({ length: MANY }, (_, i) => i);
    const spec: SnapshotSpec = {
      hosts: Object.fromEntries(numbers.map((i) => [`h${i}.test`, [{ path: "/", to: `u${i}` }]])),
      tls: Object.fromEntries(numbers.map((i) => [`h${i}.test`, `ns/tls-${i}`])),
    };
    const snapshot = snapshotOf(spec);
    rig.sender.send(1, snapshot);
    await rig.finish();
    assert.ok(rig.turns >= 9, `${rig.turns} turns: three of each`);
    const turnsBefore = rig.turns;
    const { routeTable } = snapshot;
    const virtualHosts = routeTable.virtualHosts.with(7, { host: "new.test", routes: [] });
    rig.sender.send(2, { ...snapshot, routeTable: { ...routeTable, virtualHosts } });
    await rig.finish();
    assert.deepEqual(rig.said, ["ack 1", "ack 2"]);
    assert.ok(rig.turns - turnsBefore <= 2, `${rig.turns - turnsBefore} turns for one changed host`);
  });

  test("the snapshot before serves until the new one is ready, and then all of that does", async () => {
    const rig = new Rig();
    rig.take(1, { hosts: { "old.test": [{ path: "/", to: "a" }] } });
    await rig.finish();
    rig.take(2, bigSpec(MANY));
    const former = rig.running;
    while (rig.isBusy) {
      if (rig.said.length === 1) assert.equal(rig.running, former);
      await rig.turn();
    }
    assert.equal(rig.running?.hosts.lookup("old.test"), null);
    assert.equal(rig.running?.hosts.lookup("big.test")?.routes.length, MANY);
  });

  test("a newer one that arrives while an older is compiled is taken in after it", async () => {
    const rig = new Rig();
    rig.take(1, bigSpec(MANY));
    while (rig.compiledRoutes === 0) await rig.turn();
    rig.take(2, { hosts: { "new.test": [{ path: "/", to: "b" }] } });
    assert.deepEqual(rig.said, []);
    await rig.finish();
    assert.deepEqual(rig.said, ["ack 1", "ack 2"]);
    assert.equal(rig.running?.hosts.lookup("big.test"), null);
    assert.notEqual(rig.running?.hosts.lookup("new.test"), null);
  });

  test("one that is given up half-way gives way to the next, with all that came for it", async () => {
    const rig = new Rig();
    rig.take(1, bigSpec(MANY), (parts) => parts.slice(0, 2));
    await rig.finish();
    rig.tell("b", "10.0.0.1:80");
    rig.sender.forget();
    rig.take(2, { hosts: { "new.test": [{ path: "/", to: "b" }] }, endpoints: { b: ["10.0.0.2:80"] } });
    await rig.finish();
    assert.deepEqual(rig.said, ["ack 2"]);
    assert.equal(rig.peerOf("b"), "10.0.0.2:80");
    assert.equal(rig.running?.hosts.lookup("big.test"), null);
  });

  for (const stage of ["its first part arrived", "it was read in part", "it was compiled in part"] as const) {
    test(`endpoints that come after ${stage} are in force with it, and those of before are not`, async () => {
      const rig = new Rig();
      const web = { "": [{ path: "/", to: { web: 1, blue: 1 } }] };
      rig.take(1, { hosts: web, endpoints: { web: ["10.0.0.1:80"], blue: ["10.0.1.1:80"] } });
      await rig.finish();
      rig.tell("blue", "10.0.1.2:80");
      rig.take(2, {
        hosts: { ...web, ...bigSpec(MANY).hosts },
        endpoints: { web: ["10.0.0.2:80"], blue: ["10.0.1.3:80"] },
      });
      if (stage === "it was read in part") await rig.turn();
      const begun = rig.compiledRoutes;
      if (stage === "it was compiled in part") while (rig.compiledRoutes < begun + 2) await rig.turn();
      rig.tell("web", "10.0.0.3:80");
      rig.tell("web", "10.0.0.4:80");
      assert.equal(rig.peerOf("web"), "10.0.0.4:80", "at once");
      assert.deepEqual(rig.said, ["ack 1"]);
      await rig.finish();
      assert.deepEqual(rig.said, ["ack 1", "ack 2"]);
      assert.equal(rig.peerOf("web"), "10.0.0.4:80");
      assert.equal(rig.peerOf("blue"), "10.0.1.3:80");
    });
  }

  test("endpoints that come while the next part is yet to be posted are in force with it, too", async () => {
    const rig = new Rig();
    const spec = { ...bigSpec(MANY), endpoints: { a: ["10.0.0.1:80"] } };
    rig.take(1, spec, (parts) => parts.slice(0, 1));
    await rig.finish();
    rig.tell("a", "10.0.0.2:80");
    rig.deliver(rig.parts.slice(1));
    await rig.finish();
    assert.equal(rig.peerOf("a"), "10.0.0.2:80");
  });

  test("a broken part refuses its snapshot once, the one before serves on, and the next is taken", async () => {
    const rig = new Rig();
    rig.take(1, { hosts: { "old.test": [{ path: "/", to: "a" }] } });
    await rig.finish();
    const before = rig.running;
    const garbage = new SharedArrayBuffer(7);
    rig.take(2, bigSpec(MANY), (parts) => parts.map((part) => (part.index === 1 ? { ...part, bytes: garbage } : part)));
    await rig.finish();
    assert.equal(rig.said.length, 2);
    assert.match(rig.said[1] ?? "", /^nack 2: ./);
    assert.equal(rig.running, before);
    rig.sender.forget();
    rig.take(3, bigSpec(MANY));
    await rig.finish();
    assert.equal(rig.said[2], "ack 3");
    assert.notEqual(rig.running, before);
  });

  test("a contradiction that shows late refuses the snapshot, and nothing of it serves", async () => {
    const rig = new Rig();
    rig.take(1, { hosts: { "old.test": [{ path: "/", to: "a" }] } });
    await rig.finish();
    const before = rig.running;
    const { routeTable, ...rest } = snapshotOf(bigSpec(MANY));
    const tlsHosts = [{ host: "x.test", certificate: "ns/missing" }];
    rig.sender.send(2, { ...rest, routeTable: { ...routeTable, tlsHosts } });
    await rig.finish();
    assert.deepEqual(rig.said, ["ack 1", 'nack 2: certificate "ns/missing" is not in the snapshot']);
    assert.equal(rig.running, before);
  });
});

/** A host with so many routes, each of which is a split, which draws a random turn when it is compiled. */
function bigSpec(routes: number): SnapshotSpec {
  const to = { a: 1, b: 1 };
  return { hosts: { "big.test": Array.from({ length: routes }, (_, i) => ({ path: `/${i}`, to })) } };
}

/** An intake whose turns come when the test says so, behind a sender that posts all parts at once. */
class Rig {
  readonly said: string[] = [];
  readonly sender: SnapshotSender;
  running: CompiledSnapshot | null = null;
  parts: readonly PostedSnapshotPart[] = [];
  compiledRoutes = 0;
  turns = 0;
  readonly #intake: SnapshotIntake;
  #endTurn: (() => void) | null = null;
  #posted: PostedSnapshotPart[] = [];
  #change: (parts: readonly PostedSnapshotPart[]) => readonly PostedSnapshotPart[] = (parts) => parts;

  constructor() {
    const environment = { ...fakeEnvironment(), randomTurn: () => this.compiledRoutes++ };
    this.#intake = new SnapshotIntake({
      compile: (snapshot, meter) => compileInSlices(snapshot, this.running, environment, meter),
      onCompiled: (generation, _snapshot, compiled) => {
        this.running = compiled;
        this.said.push(`ack ${generation}`);
      },
      onRefused: (generation, error) => this.said.push(`nack ${generation}: ${(error as Error).message}`),
      nextTurn: () => new Promise<void>((resolve) => (this.#endTurn = resolve)),
    });
    this.sender = new SnapshotSender({
      differ: new SnapshotDiffer(),
      post: (part) => {
        this.#posted.push(part);
        if (!part.isLast) return;
        this.parts = this.#posted;
        this.#posted = [];
        this.deliver(this.#change(this.parts));
      },
      later: (callback) => callback(),
    });
  }

  get isBusy(): boolean {
    return this.#endTurn !== null;
  }

  /** @param change what becomes of the parts on their way. */
  take(
    generation: number,
    spec: SnapshotSpec,
    change: (parts: readonly PostedSnapshotPart[]) => readonly PostedSnapshotPart[] = (parts) => parts,
  ): void {
    this.#change = change;
    this.sender.send(generation, snapshotOf(spec));
    this.#change = (parts) => parts;
  }

  /** As a worker does with a delta. */
  tell(upstream: string, address: string): void {
    const changed = [endpointSetOf(upstream, [address])];
    if (this.running !== null) applyEndpoints(this.running, changed);
    this.#intake.noteEndpoints(changed);
  }

  peerOf(upstream: string): string | undefined {
    return this.running?.upstreams.get(upstream)?.selectPeer(NONE)?.label;
  }

  async turn(): Promise<void> {
    const end = this.#endTurn;
    this.#endTurn = null;
    this.turns += 1;
    end?.();
    await nextMacrotask();
  }

  async finish(): Promise<void> {
    while (this.isBusy) await this.turn();
  }

  deliver(parts: readonly PostedSnapshotPart[]): void {
    for (const part of parts) this.#intake.take(part);
  }
}
