import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { FileLedger } from "./file-ledger.ts";
import { DEFAULT_READ_LIMITS } from "./read-limits.ts";
import { scanPaths } from "./scan-paths.ts";

/** A folder of ConfigMaps, a ledger of it and a clock that stands still until it is moved. */
class Fixture {
  readonly folder: string;
  readonly ledger: FileLedger;
  nowMs = Date.parse("2026-01-31T08:00:00Z");

  constructor(folder: string) {
    this.folder = folder;
    this.ledger = new FileLedger(DEFAULT_READ_LIMITS, { settleMs: 50, goneMs: 100 }, () => this.nowMs);
  }

  /** Writes a file that was last touched so long ago. */
  async write(name: string, value: string, ageMs: number): Promise<void> {
    const path = join(this.folder, name);
    await writeFile(path, `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: "${value}"}\n`);
    await utimes(path, new Date(this.nowMs), new Date(this.nowMs - ageMs));
  }

  async readAll(): Promise<boolean> {
    return this.ledger.readAll(await scanPaths([this.folder], DEFAULT_READ_LIMITS));
  }

  async readChanges(): Promise<boolean> {
    return this.ledger.readChanges(await scanPaths([this.folder], DEFAULT_READ_LIMITS));
  }

  get value(): string | undefined {
    const [held] = this.ledger.merge().objects.values();
    return held?.object.kind === "ConfigMap" ? held.object.data?.["key"] : undefined;
  }
}

async function fixtureOf(context: TestContext): Promise<Fixture> {
  const parent = await mkdtemp(join(tmpdir(), "penstock-ledger-"));
  context.after(() => rm(parent, { recursive: true, force: true }));
  await mkdir(join(parent, "manifests"));
  return new Fixture(join(parent, "manifests"));
}

test("a file at rest is read once and no more", async (context) => {
  const fixture = await fixtureOf(context);
  await fixture.write("a.yaml", "1", 1_000);
  assert.equal(await fixture.readAll(), false);
  const before = fixture.ledger.merge().objects.get("ConfigMap default/a");
  assert.equal(await fixture.readChanges(), false);
  assert.equal(fixture.ledger.merge().objects.get("ConfigMap default/a"), before);
});

test("a file that was just written is read when it has come to rest", async (context) => {
  const fixture = await fixtureOf(context);
  await fixture.write("a.yaml", "1", 1_000);
  await fixture.readAll();
  await fixture.write("a.yaml", "2", 0);
  assert.equal(await fixture.readChanges(), true);
  assert.equal(fixture.value, "1");
  fixture.nowMs += 50;
  assert.equal(await fixture.readChanges(), false);
  assert.equal(fixture.value, "2");
});

test("the first read takes a file as it is, and looks at it again", async (context) => {
  const fixture = await fixtureOf(context);
  await fixture.write("a.yaml", "1", 0);
  assert.equal(await fixture.readAll(), true);
  assert.equal(fixture.value, "1");
  fixture.nowMs += 50;
  assert.equal(await fixture.readChanges(), false);
});

test("a file that never rests is read all the same", async (context) => {
  const fixture = await fixtureOf(context);
  await fixture.write("a.yaml", "1", 1_000);
  await fixture.readAll();
  let scans = 0;
  while (fixture.value !== "new" && scans < 100) {
    await fixture.write("a.yaml", "new", 0);
    await fixture.readChanges();
    scans += 1;
  }
  assert.equal(scans, 21);
});

test("a file from the future is read at once", async (context) => {
  const fixture = await fixtureOf(context);
  await fixture.write("a.yaml", "1", -3_600_000);
  assert.equal(await fixture.readAll(), false);
  assert.equal(await fixture.readChanges(), false);
  assert.equal(fixture.value, "1");
});

test("a file that is gone is forgotten after a while, and not if it comes back", async (context) => {
  const fixture = await fixtureOf(context);
  const path = join(fixture.folder, "a.yaml");
  await fixture.write("a.yaml", "1", 1_000);
  await fixture.readAll();

  await rename(path, `${path}~`);
  assert.equal(await fixture.readChanges(), true);
  fixture.nowMs += 99;
  assert.equal(await fixture.readChanges(), true);
  await rename(`${path}~`, path);
  assert.equal(await fixture.readChanges(), false);
  assert.equal(fixture.value, "1");

  await rename(path, `${path}~`);
  assert.equal(await fixture.readChanges(), true);
  fixture.nowMs += 100;
  assert.equal(await fixture.readChanges(), false);
  assert.equal(fixture.value, undefined);
});

test("below a path that cannot be read nothing is forgotten, however long it takes", async (context) => {
  const fixture = await fixtureOf(context);
  await fixture.write("a.yaml", "1", 1_000);
  await fixture.readAll();
  await rename(fixture.folder, `${fixture.folder}-away`);
  for (let hour = 0; hour < 3; hour += 1) {
    assert.equal(await fixture.readChanges(), false);
    fixture.nowMs += 3_600_000;
  }
  assert.equal(fixture.value, "1");
  assert.deepEqual(
    fixture.ledger.merge().diagnostics.map(({ reason }) => reason),
    ["PathUnreadable"],
  );
});

test("a limit that is reached later forgets nothing that was read before", async (context) => {
  const fixture = await fixtureOf(context);
  await fixture.write("b.yaml", "1", 1_000);
  await fixture.readAll();
  await writeFile(join(fixture.folder, "a.yaml"), "");
  await fixture.ledger.readChanges(await scanPaths([fixture.folder], { ...DEFAULT_READ_LIMITS, maxFiles: 1 }));
  fixture.nowMs += 1_000;
  await fixture.ledger.readChanges(await scanPaths([fixture.folder], { ...DEFAULT_READ_LIMITS, maxFiles: 1 }));
  assert.equal(fixture.value, "1");
});
