import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { secretBytes } from "../ir/secret-bytes.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import { hashSnapshot } from "./hash-snapshot.ts";
import { translate } from "./translate.ts";
import { objects, OPTIONS, worldOf } from "./worlds.test.ts";

const EMPTY: Snapshot = {
  routeTable: { virtualHosts: [], tlsHosts: [] },
  upstreams: [],
  certificates: [],
  defaultCertificate: null,
  endpoints: [],
};

test("equal content has an equal hash, whatever the objects and the order of keys", () => {
  fc.assert(
    fc.property(objects, (list) => {
      const { statuses: _statuses, diagnostics: _diagnostics, ...snapshot } = translate(worldOf(list), OPTIONS);
      const hash = hashSnapshot(snapshot);
      assert.match(hash, /^[0-9a-f]{64}$/);
      assert.equal(hashSnapshot(structuredClone(snapshot)), hash);
      assert.equal(hashSnapshot(turnKeys(snapshot) as Snapshot), hash);
    }),
    { numRuns: 50 },
  );
});

test("a hash tells two worlds apart where their snapshots differ", () => {
  fc.assert(
    fc.property(objects, objects, (one, other) => {
      const [left, right] = [translate(worldOf(one), OPTIONS), translate(worldOf(other), OPTIONS)];
      assert.equal(hashSnapshot(left) === hashSnapshot(right), snapshotText(left) === snapshotText(right));
    }),
    { numRuns: 100 },
  );
});

test("another key is another snapshot, although no text shows it", () => {
  const withKey = (key: string): Snapshot => {
    const certificate = { id: "x/tls", chainPem: "", dnsNames: [], key: secretBytes(Buffer.from(key)) };
    return { ...EMPTY, certificates: [certificate] };
  };
  assert.equal(hashSnapshot(withKey("one")), hashSnapshot(withKey("one")));
  assert.notEqual(hashSnapshot(withKey("one")), hashSnapshot(withKey("two")));
});

test("an item counts for the list that it stands in", () => {
  const host = { host: "a.example", certificate: null };
  const tls = { ...EMPTY, routeTable: { virtualHosts: [], tlsHosts: [host] } };
  const virtual = { ...EMPTY, routeTable: { virtualHosts: [host as never], tlsHosts: [] } };
  assert.notEqual(hashSnapshot(tls), hashSnapshot(virtual));
  assert.notEqual(hashSnapshot(EMPTY), hashSnapshot({ ...EMPTY, defaultCertificate: "null" }));
});

function snapshotText({ routeTable, upstreams, certificates, defaultCertificate, endpoints }: Snapshot): string {
  return JSON.stringify([routeTable, upstreams, certificates, defaultCertificate, endpoints]);
}

function turnKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turnKeys);
  if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, part]) => [key, turnKeys(part)]),
  );
}
