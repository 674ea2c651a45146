// What a worker gets out of the parts that the main thread posts, both sides together.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { deserialize } from "node:v8";
import fc from "fast-check";
import type { PostedSnapshotPart, SnapshotPart } from "../../../src/dataplane/protocol.ts";
import { SnapshotDiffer } from "../../../src/dataplane/snapshot-differ.ts";
import { SnapshotSender } from "../../../src/dataplane/snapshot-sender.ts";
import { UNITS_PER_PART } from "../../../src/dataplane/snapshot-splitter.ts";
import { SnapshotAssembler } from "../../../src/ingress/snapshot-assembler.ts";
import { secretBytes } from "../../../src/ir/secret-bytes.ts";
import type { Snapshot } from "../../../src/ir/snapshot.ts";
import { certificateOf, endpointSetOf, virtualHostOf } from "../../support/ingress-snapshot.ts";

/** More than fit into one part. */
const MANY = 3 * UNITS_PER_PART;

suite("snapshots in parts", () => {
  test("whatever follows on whatever, every worker gets what was published", () => {
    // Parts so small that everything is cut somewhere.
    const differ = new SnapshotDiffer(5);
    const choice = fc.record({
      hosts: fc.subarray([0, 1, 2, 3, 4]),
      upstreams: fc.subarray([0, 1, 2, 3]),
      fresh: fc.nat(4),
      freshRoutes: fc.nat(20),
      freshEndpoints: fc.nat(60),
      hasDefault: fc.boolean(),
      secondWorker: fc.constantFrom("gets it", "skips it", "refuses it", "is given up at"),
    });
    fc.assert(
      fc.property(fc.array(choice, { minLength: 1, maxLength: 8 }), (choices) => {
        const first = new Pipe(differ);
        const second = new Pipe(differ);
        for (const one of choices) {
          const snapshot = makeSnapshot(one);
          assert.deepEqual(first.send(snapshot), snapshot);
          if (one.secondWorker === "skips it") continue;
          if (one.secondWorker === "is given up at") {
            second.begin(snapshot);
            continue;
          }
          assert.deepEqual(second.send(snapshot), snapshot);
          if (one.secondWorker === "refuses it") second.sender.forget();
        }
      }),
    );
  });

  test("no part holds more than its share of a host, an upstream or a list, however many these have", () => {
    const pipe = new Pipe(new SnapshotDiffer());
    const snapshot = makeSnapshot({ hosts: range(1_000), freshRoutes: MANY, freshEndpoints: 4 * MANY });
    const certificates = range(MANY).map((i) => certificateOf(`ns/tls-${i}`, []));
    assert.deepEqual(pipe.send({ ...snapshot, certificates }), { ...snapshot, certificates });
    const sizes = pipe.posted.map(itemsOf);
    assert.ok(Math.max(...sizes) <= 4 * UNITS_PER_PART, `${sizes.join(" ")} items`);
    assert.ok(pipe.posted.every((part) => countRoutes(part) <= UNITS_PER_PART));
    assert.ok(sizes.length < 15, "and they are filled");
  });

  test("parts are posted a turn each, the first one at once, and those of an abandoned snapshot no more", () => {
    const pipe = new Pipe(new SnapshotDiffer());
    pipe.begin(makeSnapshot({ freshRoutes: MANY }));
    assert.deepEqual(pipe.posted.map(places), ["1/0"]);
    pipe.turn();
    assert.deepEqual(pipe.posted.map(places), ["1/0", "1/1"]);
    pipe.begin(makeSnapshot({ freshRoutes: MANY, fresh: 1 }));
    while (pipe.turn());
    assert.deepEqual(pipe.posted.slice(2).map(places), ["2/0", "2/1", "2/2", "2/3 last"]);
    assert.ok(pipe.posted.slice(2).every((part) => part.basis === "nothing"));
  });

  test("a part that is written once serves all workers that need the same", () => {
    const differ = new SnapshotDiffer();
    const [first, second] = [new Pipe(differ), new Pipe(differ)];
    const snapshot = makeSnapshot({ freshRoutes: MANY });
    first.begin(snapshot);
    second.begin(snapshot);
    while (first.turn() && second.turn());
    assert.ok(first.posted.length > 2);
    for (const [i, { bytes }] of first.posted.entries()) assert.equal(second.posted[i]?.bytes, bytes);
  });

  test("a change of one virtual host among 1,000 sends one virtual host, and no key", () => {
    const pipe = new Pipe(new SnapshotDiffer());
    const before = makeSnapshot({ hosts: range(1_000), hasDefault: true });
    pipe.send(before);
    const virtualHosts = before.routeTable.virtualHosts.with(500, { host: "changed", routes: [] });
    const sent = pipe.posted.length;
    pipe.send({ ...before, routeTable: { ...before.routeTable, virtualHosts } });
    assert.equal(pipe.posted.length, sent + 1);
    const text = JSON.stringify(read(pipe.posted.at(-1)));
    assert.ok(text.length < 700, `${text.length} characters`);
    assert.doesNotMatch(text, /sha256/);
  });

  test("what did not change keeps its identity in the worker", () => {
    const pipe = new Pipe(new SnapshotDiffer());
    const before = makeSnapshot({ hosts: [0, 1, 2], upstreams: [0, 1] });
    const arrived = pipe.send(before);
    const routeTable = { ...before.routeTable, virtualHosts: before.routeTable.virtualHosts.slice(1) };
    const next = pipe.send({ ...before, routeTable });
    assert.equal(next.routeTable.virtualHosts[0], arrived.routeTable.virtualHosts[1]);
    assert.equal(next.upstreams[0], arrived.upstreams[0]);
  });

  test("a part that is missing or keeps what is not there is an error, and the rest of the snapshot is passed over", () => {
    const pipe = new Pipe(new SnapshotDiffer());
    pipe.begin(makeSnapshot({ freshRoutes: MANY }));
    while (pipe.turn());
    const [first, second, third, last] = pipe.posted as [
      PostedSnapshotPart,
      PostedSnapshotPart,
      PostedSnapshotPart,
      PostedSnapshotPart,
    ];
    const assembler = new SnapshotAssembler();
    assert.equal(assembler.add(first), null);
    assert.throws(() => assembler.add(third), /part 1 of the snapshot is missing/);
    for (const part of [second, third, last]) assert.equal(assembler.add(part), null);
    assert.throws(() => assembler.add({ ...first, bytes: new SharedArrayBuffer(3) }));

    pipe.send(makeSnapshot({ hosts: [1] }));
    const kept = pipe.posted.at(-1) as PostedSnapshotPart;
    assert.throws(() => assembler.add(kept), /keeps what the snapshot before does not have/);
    for (const part of [first, second, third]) assert.equal(assembler.add(part), null);
    assert.deepEqual(assembler.add(last), makeSnapshot({ freshRoutes: MANY }), "a first part begins anew");
  });
});

/** From the main thread to one worker. */
class Pipe {
  readonly posted: PostedSnapshotPart[] = [];
  readonly sender: SnapshotSender;
  readonly #assembler = new SnapshotAssembler();
  readonly #turns: (() => void)[] = [];
  #generation = 0;
  #arrived: Snapshot | null = null;

  constructor(differ: SnapshotDiffer) {
    this.sender = new SnapshotSender({
      differ,
      post: (part) => {
        this.posted.push(part);
        this.#arrived = this.#assembler.add(part);
      },
      later: (turn) => this.#turns.push(turn),
    });
  }

  begin(snapshot: Snapshot): void {
    this.#generation += 1;
    this.sender.send(this.#generation, snapshot);
  }

  /** @returns false where there is nothing more to post. */
  turn(): boolean {
    const turn = this.#turns.shift();
    turn?.();
    return turn !== undefined;
  }

  send(snapshot: Snapshot): Snapshot {
    this.begin(snapshot);
    while (this.turn());
    return this.#arrived ?? assert.fail("the snapshot did not arrive");
  }
}

function read(part: PostedSnapshotPart | undefined): SnapshotPart {
  assert.ok(part !== undefined);
  return deserialize(new Uint8Array(part.bytes)) as SnapshotPart;
}

function places({ generation, index, isLast }: PostedSnapshotPart): string {
  return `${generation}/${index}${isLast ? " last" : ""}`;
}

/** New ones, those inside of others included. */
function itemsOf(part: PostedSnapshotPart): number {
  let count = 0;
  for (const { piece } of read(part).pieces) {
    if ("from" in piece) continue;
    for (const item of piece) {
      count += 1;
      if ("routes" in item) count += item.routes.length;
      if ("endpoints" in item) count += item.endpoints.length;
    }
  }
  return count;
}

function countRoutes(part: PostedSnapshotPart): number {
  let count = 0;
  for (const { list, piece } of read(part).pieces) {
    if (list === "routes") count += piece.length;
    if (list === "virtualHosts" && !("from" in piece)) for (const host of piece) count += host.routes.length;
  }
  return count;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Items that stay the same objects from snapshot to snapshot, as translation hands them over. */
const HOSTS = range(1_000).map((i) => ({ host: `host-${i}.example`, routes: [] }));
const UPSTREAMS = range(4).map((i) => ({
  id: `ns/service-${i}/80`,
  protocol: "http" as const,
  tls: null,
  dnsName: null,
}));
const CERTIFICATE = { id: "ns/tls", chainPem: "PEM", key: secretBytes(Buffer.from("hush")), dnsNames: [] };

interface SnapshotChoice {
  readonly hosts?: readonly number[];
  readonly upstreams?: readonly number[];
  readonly fresh?: number;
  readonly freshRoutes?: number;
  readonly freshEndpoints?: number;
  readonly hasDefault?: boolean;
}

function makeSnapshot(choice: SnapshotChoice): Snapshot {
  const { hosts = [], upstreams = [], fresh = 0, freshRoutes = 0, freshEndpoints = 0, hasDefault = false } = choice;
  const routes = range(freshRoutes).map((i) => ({ path: `/${i}`, to: "ns/service-0/80" }));
  const addresses = range(freshEndpoints).map((i) => `10.0.${i >> 8}.${i & 255}:80`);
  return {
    routeTable: {
      virtualHosts: [...hosts.flatMap((i) => HOSTS[i] ?? []), virtualHostOf(`fresh-${fresh}`, routes)],
      tlsHosts: [],
    },
    upstreams: upstreams.flatMap((i) => UPSTREAMS[i] ?? []),
    certificates: [CERTIFICATE],
    defaultCertificate: hasDefault ? CERTIFICATE.id : null,
    endpoints: [
      ...upstreams.map((i) => endpointSetOf(`ns/service-${i}/80`, [])),
      endpointSetOf("ns/service-9/80", addresses),
    ],
  };
}
