// What a worker gets out of the patches that the main thread posts, both sides together.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { PostedToWorker, ToWorker } from "../../../src/dataplane/protocol.ts";
import { SnapshotDiffer, SnapshotEncoder } from "../../../src/dataplane/snapshot-encoder.ts";
import { SnapshotDecoder } from "../../../src/ingress/snapshot-decoder.ts";
import { secretBytes } from "../../../src/ir/secret-bytes.ts";
import type { Snapshot } from "../../../src/ir/snapshot.ts";

suite("snapshots as patches", () => {
  test("whatever follows on whatever, every worker gets what was published", () => {
    const differ = new SnapshotDiffer();
    const choice = fc.record({
      hosts: fc.subarray([0, 1, 2, 3, 4]),
      upstreams: fc.subarray([0, 1, 2, 3]),
      fresh: fc.nat(4),
      hasDefault: fc.boolean(),
      skipsSecondWorker: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(choice, { minLength: 1, maxLength: 12 }), (choices) => {
        const first = new Pipe(differ);
        const second = new Pipe(differ);
        for (const [generation, one] of choices.entries()) {
          const snapshot = makeSnapshot(one.hosts, one.upstreams, one.fresh, one.hasDefault);
          assert.deepEqual(first.send({ type: "snapshot", generation, snapshot }), {
            type: "snapshot",
            generation,
            snapshot,
          });
          if (one.skipsSecondWorker) continue;
          assert.deepEqual(second.send({ type: "snapshot", generation, snapshot }), {
            type: "snapshot",
            generation,
            snapshot,
          });
        }
      }),
    );
  });

  test("a change of one virtual host among 1,000 sends one virtual host, and no key", () => {
    const pipe = new Pipe(new SnapshotDiffer());
    const before = makeSnapshot(
      Array.from({ length: 1_000 }, (_, i) => i),
      [0],
      0,
      true,
    );
    pipe.send({ type: "snapshot", generation: 1, snapshot: before });
    const virtualHosts = before.routeTable.virtualHosts.with(500, { host: "changed", routes: [] });
    pipe.send({
      type: "snapshot",
      generation: 2,
      snapshot: { ...before, routeTable: { ...before.routeTable, virtualHosts } },
    });
    const text = JSON.stringify(pipe.posted.at(-1));
    assert.ok(text.length < 500, `${text.length} characters`);
    assert.doesNotMatch(text, /sha256/);
  });

  test("what did not change keeps its identity in the worker", () => {
    const pipe = new Pipe(new SnapshotDiffer());
    const before = makeSnapshot([0, 1, 2], [0, 1], 0, false);
    const arrived = pipe.send({ type: "snapshot", generation: 1, snapshot: before });
    const routeTable = { ...before.routeTable, virtualHosts: before.routeTable.virtualHosts.slice(1) };
    const next = pipe.send({ type: "snapshot", generation: 2, snapshot: { ...before, routeTable } });
    assert.ok(arrived.type === "snapshot" && next.type === "snapshot");
    assert.equal(next.snapshot.routeTable.virtualHosts[0], arrived.snapshot.routeTable.virtualHosts[1]);
    assert.equal(next.snapshot.upstreams[0], arrived.snapshot.upstreams[0]);
  });

  test("other messages pass as they are", () => {
    const pipe = new Pipe(new SnapshotDiffer());
    const message: ToWorker = { type: "endpoints", sequence: 1, changed: [] };
    assert.deepEqual(pipe.send(message), message);
  });
});

/** From the main thread to one worker. */
class Pipe {
  readonly posted: PostedToWorker[] = [];
  readonly #encoder: SnapshotEncoder;
  readonly #decoder = new SnapshotDecoder();

  constructor(differ: SnapshotDiffer) {
    this.#encoder = new SnapshotEncoder(differ);
  }

  send(message: ToWorker): ToWorker {
    const posted = this.#encoder.encode(message);
    this.posted.push(posted);
    return this.#decoder.decode(structuredClone(posted));
  }
}

/** Items that stay the same objects from snapshot to snapshot, as translation hands them over. */
const HOSTS = Array.from({ length: 1_000 }, (_, i) => ({ host: `host-${i}.example`, routes: [] }));
const UPSTREAMS = Array.from({ length: 4 }, (_, i) => ({
  id: `ns/service-${i}/80`,
  protocol: "http" as const,
  tls: null,
  dnsName: null,
}));
const CERTIFICATE = { id: "ns/tls", chainPem: "PEM", key: secretBytes(Buffer.from("hush")), dnsNames: [] };

function makeSnapshot(
  hosts: readonly number[],
  upstreams: readonly number[],
  fresh: number,
  hasDefault: boolean,
): Snapshot {
  return {
    routeTable: {
      virtualHosts: [...hosts.flatMap((i) => HOSTS[i] ?? []), { host: `fresh-${fresh}`, routes: [] }],
      tlsHosts: [],
    },
    upstreams: upstreams.flatMap((i) => UPSTREAMS[i] ?? []),
    certificates: [CERTIFICATE],
    defaultCertificate: hasDefault ? CERTIFICATE.id : null,
    endpoints: upstreams.map((i) => ({ upstream: `ns/service-${i}/80`, endpoints: [] })),
  };
}
