// Users find on the object what is wrong with it, once, for as long as it is wrong, and that it is well again.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ApiObject } from "../../../../test/support/api-server/api-objects.ts";
import type { ApiServerDouble } from "../../../../test/support/api-server/start-api-server.ts";
import { startApiServer } from "../../../../test/support/api-server/start-api-server.ts";
import { ManualClock } from "../../../../test/support/manual-clock.ts";
import type { Diagnostic } from "../../../ir/diagnostic.ts";
import type { Leadership } from "../leader-election/leader-term.ts";
import { permanentLeadership } from "../leader-election/leader-term.ts";
import { EventRecorder } from "./event-recorder.ts";

const MINUTE = 60_000;

function diagnostic(name: string, fields: Partial<Diagnostic> = {}): Diagnostic {
  return {
    severity: "error",
    reason: "ServiceNotFound",
    object: { kind: "Ingress", namespace: "shop", name },
    field: "spec.rules[0]",
    message: "there is no Service cart",
    hint: "Create it.",
    location: null,
    ...fields,
  };
}

interface SeenEvent {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly count: number;
  readonly object: string;
}

class Rig {
  readonly clock = new ManualClock();
  readonly uids = new Map<string, string>();
  readonly outcomes: string[] = [];
  leftOut = 0;
  inForce: readonly Diagnostic[] = [];
  reasons: string[] = [];
  readonly server: ApiServerDouble;

  constructor(server: ApiServerDouble) {
    this.server = server;
  }

  /** A replica of the controller; all share the clock. */
  replica(t: TestContext, instance: string, holdMs = 0): EventRecorder {
    const recorder = new EventRecorder({
      client: this.server.client(instance),
      identify: ({ name }) => ({ apiVersion: "networking.k8s.io/v1", uid: this.uids.get(name) ?? `uid-of-${name}` }),
      inForce: () => this.inForce,
      author: { controller: "penstock.dev/ingress-controller", instance },
      clock: this.clock,
      wallTimeMs: () => 1_800_000_000_000 + this.clock.now(),
      random: () => 0.5,
      timing: { holdMs },
      observer: {
        onAnnounce: (outcome) => this.outcomes.push(outcome),
        onLeftOut: (count) => (this.leftOut += count),
        onDiagnostics: (diagnostics) => (this.reasons = diagnostics.map(({ reason }) => reason)),
      },
    });
    t.after(() => recorder.stop());
    return recorder;
  }

  leader(t: TestContext, instance = "one", holdMs = 0): EventRecorder {
    const recorder = this.replica(t, instance, holdMs);
    recorder.lead(permanentLeadership());
    return recorder;
  }

  events(): SeenEvent[] {
    return this.server.objects("Event").map((event: ApiObject) => ({
      type: event["type"] as string,
      reason: event["reason"] as string,
      note: event["note"] as string,
      count: (event["series"] as { count: number } | undefined)?.count ?? 1,
      object: (event["regarding"] as { name: string }).name,
    }));
  }

  /** Waits for real time only; the clock stands still. */
  async announced(count: number): Promise<void> {
    await untilTrue(() => this.outcomes.length >= count);
  }

  /** Moves the clock until so many announcements have ended. */
  async passUntil(count: number): Promise<void> {
    await untilTrue(() => {
      if (this.outcomes.length >= count) return true;
      this.clock.advance(100);
      return false;
    });
  }
}

async function untilTrue(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, "waited in vain");
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function rigOf(t: TestContext): Promise<Rig> {
  const server = await startApiServer();
  t.after(() => server.stop());
  return new Rig(server);
}

test("every diagnostic becomes an Event on its very object, and those passed over on purpose do not", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  const clusterWide = diagnostic("edge", {
    object: { kind: "IngressClass", namespace: "", name: "edge" },
    severity: "warning",
  });
  const quiet = [diagnostic("info", { severity: "info" }), diagnostic("none", { object: null })];
  recorder.change({ added: [diagnostic("web"), clusterWide, ...quiet], resolved: [] });
  await rig.announced(2);
  const [onClass, onIngress] = rig.server.objects("Event");
  assert.equal(rig.server.objects("Event").length, 2);
  assert.equal(onClass?.metadata.namespace, "default");
  assert.deepEqual(onIngress?.["regarding"], {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    namespace: "shop",
    name: "web",
    uid: "uid-of-web",
  });
  assert.deepEqual(rig.events()[1], {
    type: "Warning",
    reason: "ServiceNotFound",
    note: "spec.rules[0]: there is no Service cart. Create it.",
    count: 1,
    object: "web",
  });
});

test("what has ended is noted, unless something else is said in its place or nobody was told", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  recorder.change({ added: [diagnostic("web"), diagnostic("api")], resolved: [] });
  await rig.announced(2);
  recorder.change({
    added: [diagnostic("api", { message: "there is no Service cart2" })],
    resolved: [diagnostic("web"), diagnostic("api")],
  });
  await rig.announced(4);
  const resolved = rig.events().filter(({ reason }) => reason === "Resolved");
  assert.deepEqual(resolved, [
    {
      type: "Normal",
      reason: "Resolved",
      note: "no longer ServiceNotFound: spec.rules[0]: there is no Service cart",
      count: 1,
      object: "web",
    },
  ]);
  rig.server.freeze();
  const many = Array.from({ length: 10 }, (_, n) => diagnostic(`n${n}`));
  recorder.change({ added: many, resolved: [] });
  recorder.change({ added: [], resolved: many.slice(4) });
  rig.server.thaw();
  await rig.announced(8);
  await settle();
  assert.equal(rig.outcomes.length, 8, "six were never said, so their end is not either");
});

test("the same in two places has ended when it has in both", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  recorder.change({ added: [diagnostic("web")], resolved: [] });
  recorder.change({ added: [diagnostic("web", { severity: "warning" })], resolved: [] });
  await rig.announced(1);
  recorder.change({ added: [], resolved: [diagnostic("web")] });
  await settle();
  assert.equal(rig.outcomes.length, 1);
  recorder.change({ added: [], resolved: [diagnostic("web")] });
  await rig.announced(2);
  assert.deepEqual(
    rig
      .events()
      .map(({ reason }) => reason)
      .toSorted(),
    ["Resolved", "ServiceNotFound"],
  );
});

test("an Event names no object of another namespace, and stays the same when that becomes another one", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  const conflictWith = (namespace: string): Diagnostic => {
    const reference = { kind: "Ingress", namespace, name: "first" };
    const message = `it is served by Ingress ${namespace}/first`;
    return diagnostic("web", { message, other: { reference, messageWithoutIt: "it is served by another" } });
  };
  recorder.change({ added: [conflictWith("secret"), conflictWith("shop")], resolved: [] });
  await rig.announced(2);
  assert.deepEqual(
    rig
      .events()
      .map(({ note }) => note)
      .toSorted(),
    [
      "spec.rules[0]: it is served by Ingress shop/first. Create it.",
      "spec.rules[0]: it is served by another. Create it.",
    ],
  );
  recorder.change({ added: [conflictWith("hidden")], resolved: [conflictWith("secret")] });
  recorder.change({ added: [], resolved: [conflictWith("hidden"), conflictWith("shop")] });
  await rig.announced(4);
  const ends = rig.events().filter(({ type }) => type === "Normal");
  assert.equal(rig.events().length, 4);
  assert.deepEqual(ends.map(({ note }) => note).toSorted(), [
    "no longer ServiceNotFound: spec.rules[0]: it is served by Ingress shop/first",
    "no longer ServiceNotFound: spec.rules[0]: it is served by another",
  ]);
});

test("what stays wrong is said again well within the hour, as a series, also where the Event has run out", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  recorder.change({ added: [diagnostic("web")], resolved: [] });
  await rig.announced(1);
  rig.clock.advance(29 * MINUTE);
  await settle();
  assert.equal(rig.outcomes.length, 1);
  rig.clock.advance(3 * MINUTE);
  await rig.announced(2);
  assert.deepEqual(
    rig.events().map(({ count }) => count),
    [2],
  );
  const [event] = rig.server.objects("Event");
  rig.server.remove({ kind: "Event", namespace: "shop", name: event?.metadata.name ?? "" });
  rig.clock.advance(32 * MINUTE);
  await rig.announced(3);
  assert.deepEqual(
    rig.events().map(({ count }) => count),
    [1],
  );
});

test("a flapping mistake makes one Event that counts, not many", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  for (let round = 1; round <= 4; round += 1) {
    recorder.change({ added: [diagnostic("web")], resolved: [] });
    await rig.announced(2 * round - 1);
    recorder.change({ added: [], resolved: [diagnostic("web")] });
    await rig.announced(2 * round);
  }
  assert.deepEqual(
    rig
      .events()
      .map(({ reason, count }) => `${reason} ${count}`)
      .toSorted(),
    ["Resolved 4", "ServiceNotFound 4"],
  );
});

test("a new leader leaves Events alone that say the same already, and says what is missing", async (t) => {
  const rig = await rigOf(t);
  const one = rig.leader(t, "one");
  const two = rig.replica(t, "two");
  for (const recorder of [one, two]) recorder.change({ added: [diagnostic("web")], resolved: [] });
  await rig.announced(1);
  one.lead(null);
  one.change({ added: [diagnostic("late")], resolved: [] });
  two.change({ added: [diagnostic("late")], resolved: [] });
  rig.clock.advance(5 * MINUTE);
  two.lead(permanentLeadership());
  await rig.announced(3);
  assert.deepEqual(
    rig
      .events()
      .map(({ object, count }) => `${object} ${count}`)
      .toSorted(),
    ["late 1", "web 1"],
  );
  assert.ok(!rig.server.requests.some(({ verb }) => verb === "patch"));
  rig.clock.advance(27 * MINUTE);
  await rig.announced(4);
  assert.equal(
    rig.events().find(({ object }) => object === "web")?.count,
    2,
    "30 minutes after the first leader said it",
  );
  two.change({ added: [], resolved: [diagnostic("web")] });
  await rig.passUntil(5);
  assert.ok(rig.events().some(({ reason }) => reason === "Resolved"));
});

test("only a leader writes, by the clock of its term", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.replica(t, "one");
  recorder.change({ added: [diagnostic("web")], resolved: [] });
  const ended: Leadership = { signal: new AbortController().signal, remainingMs: () => 0 };
  recorder.lead(ended);
  await rig.announced(1);
  assert.deepEqual(rig.outcomes, ["not-leading"]);
  assert.deepEqual(rig.server.requests, []);
});

test("an object that was replaced by another of its name is told anew", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  recorder.change({ added: [diagnostic("web")], resolved: [] });
  await rig.announced(1);
  rig.uids.set("web", "another");
  rig.clock.advance(MINUTE);
  await rig.announced(2);
  const uids = rig.server.objects("Event").map((event) => (event["regarding"] as { uid: string }).uid);
  assert.deepEqual(uids.toSorted(), ["another", "uid-of-web"]);
});

test("one object with many mistakes is told slowly, bounded, and keeps nobody else waiting", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  const hostile = Array.from({ length: 500 }, (_, n) => diagnostic("hostile", { field: `spec.rules[${n}]` }));
  recorder.change({ added: [...hostile, diagnostic("web")], resolved: [] });
  await rig.announced(11);
  await settle();
  assert.equal(rig.outcomes.length, 11);
  assert.equal(rig.events().filter(({ object }) => object === "web").length, 1);
  assert.equal(rig.leftOut, 480);
  rig.clock.advance(MINUTE);
  await rig.announced(12);
});

test("many objects are told at the overall rate", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  recorder.change({ added: Array.from({ length: 70 }, (_, n) => diagnostic(`i${n}`)), resolved: [] });
  await rig.announced(50);
  await settle();
  assert.equal(rig.outcomes.length, 50);
  rig.clock.advance(1_000);
  await rig.announced(51);
  await rig.passUntil(70);
});

test("waits as long as an overloaded server asks, and loses nothing while there is none", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  rig.server.answerNext({ match: { verb: "create" }, status: 429, headers: { "retry-after": "20" } });
  recorder.change({ added: [diagnostic("web")], resolved: [] });
  await rig.announced(1);
  rig.clock.advance(19_000);
  await settle();
  assert.deepEqual(rig.outcomes, ["unavailable"]);
  await rig.server.stop();
  await rig.passUntil(3);
  await rig.server.start();
  await untilTrue(() => {
    rig.clock.advance(100);
    return rig.outcomes.at(-1) === "created";
  });
  assert.equal(rig.events().length, 1);
});

test("says once that RBAC lacks, tries again, and passes over namespaces that are going", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  const rule = { verbs: ["create"], group: "events.k8s.io", resource: "events" };
  rig.server.forbid(rule);
  recorder.change({ added: [diagnostic("web"), diagnostic("api")], resolved: [] });
  await rig.announced(2);
  assert.deepEqual(rig.reasons, ["EventsRefused"]);
  rig.server.allow(rule);
  await rig.passUntil(4);
  assert.deepEqual(rig.reasons, []);
  const body = {
    kind: "Status",
    reason: "Forbidden",
    message: "m",
    code: 403,
    details: { causes: [{ reason: "NamespaceTerminating" }] },
  };
  rig.server.answerNext({ match: { verb: "create" }, status: 403, body });
  recorder.change({ added: [diagnostic("going")], resolved: [] });
  await rig.passUntil(5);
  assert.deepEqual([rig.outcomes.at(-1), rig.reasons], ["gone", []]);
});

test("a namespace full of mistakes keeps nobody else from being told, and what it was denied comes when there is room", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t);
  const hog = Array.from({ length: 1_200 }, (_, n) =>
    diagnostic("", { object: { kind: "Ingress", namespace: "evil", name: `i${n}` } }),
  );
  recorder.change({ added: hog, resolved: [] });
  assert.equal(rig.leftOut, 200);
  recorder.change({ added: [diagnostic("mine")], resolved: [] });
  await rig.passUntil(20);
  const told = rig.events().map(({ object }) => object);
  assert.ok(told.includes("mine"), "has its turn before the many of another");
  rig.inForce = [diagnostic("mine"), ...hog.slice(1_000)];
  recorder.change({ added: [], resolved: hog.slice(0, 1_000) });
  await untilTrue(() => {
    rig.clock.advance(100);
    return rig.events().some(({ object }) => object === "i1199");
  });
});

test("what is new is said after a moment, and never where it has ended by then", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t, "one", 3_000);
  recorder.change({ added: [diagnostic("web"), diagnostic("api")], resolved: [] });
  rig.clock.advance(1_000);
  recorder.change({ added: [diagnostic("late")], resolved: [diagnostic("web")] });
  rig.clock.advance(1_999);
  await settle();
  assert.deepEqual(rig.server.requests, []);
  rig.clock.advance(1);
  await rig.announced(1);
  rig.clock.advance(999);
  await settle();
  assert.deepEqual(
    rig.events().map(({ object, reason }) => [object, reason]),
    [["api", "ServiceNotFound"]],
  );
  rig.clock.advance(1);
  await rig.announced(2);
  recorder.change({ added: [], resolved: [diagnostic("api"), diagnostic("late")] });
  await rig.announced(4);
  assert.deepEqual(
    rig
      .events()
      .map(({ object, reason }) => `${object} ${reason}`)
      .toSorted(),
    ["api Resolved", "api ServiceNotFound", "late Resolved", "late ServiceNotFound"],
  );
});

test("what was held back when the lead was lost is said by whoever leads then, at once", async (t) => {
  const rig = await rigOf(t);
  const first = rig.leader(t, "one", 3_000);
  const second = rig.replica(t, "two", 3_000);
  for (const recorder of [first, second]) recorder.change({ added: [diagnostic("web")], resolved: [] });
  first.lead(null);
  rig.clock.advance(10_000);
  await settle();
  assert.deepEqual(rig.outcomes, []);
  second.lead(permanentLeadership());
  await rig.announced(1);
  assert.equal(rig.events().length, 1);
});

test("of what changes its words while it is held back, the last ones are said", async (t) => {
  const rig = await rigOf(t);
  const recorder = rig.leader(t, "one", 3_000);
  const [first, last] = ["there is no Service cart", "there is no Service carts"].map((message) =>
    diagnostic("web", { message }),
  ) as [Diagnostic, Diagnostic];
  recorder.change({ added: [first], resolved: [] });
  rig.clock.advance(1_000);
  recorder.change({ added: [last], resolved: [first] });
  rig.clock.advance(3_000);
  await rig.announced(1);
  await settle();
  assert.deepEqual(
    rig.events().map(({ note }) => note),
    ["spec.rules[0]: there is no Service carts. Create it."],
  );
});
