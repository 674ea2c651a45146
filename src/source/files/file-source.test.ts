import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { ObjectStore } from "../object-store.ts";
import { SourceError } from "../source-error.ts";
import type { FileSourceTiming } from "./file-source.ts";
import { FileSource } from "./file-source.ts";

/** Polling is so slow that only a noticed change can make a test end. */
const FAST: FileSourceTiming = { debounceMs: 5, maxDelayMs: 50, settleMs: 10, goneMs: 80, pollMs: 120_000 };

/** Long enough for a machine that is busy with other things; a test that passes takes none of it. */
const TIMEOUT = { timeout: 20_000 };

/** A list as value makes an object that is refused. */
function configMap(name: string, value: string): string {
  const data = value.startsWith("[") ? value : JSON.stringify(value);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {key: ${data}}\n`;
}

/** A source that watches, with everything that it has told so far. */
class Watched {
  readonly store = new ObjectStore();
  readonly source: FileSource;
  /** `name=value` of all ConfigMaps, sorted, after each change. */
  readonly history: string[] = [];
  #wake: () => void = () => {};

  constructor(paths: readonly string[], timing: FileSourceTiming) {
    this.store.subscribe(() => {
      this.history.push(this.now);
      this.#wake();
    });
    this.source = new FileSource({ paths, store: this.store, timing, onDiagnostics: () => this.#wake() });
  }

  get now(): string {
    const entries = this.store.world().configMaps.map(({ metadata, data }) => `${metadata.name}=${data?.["key"]}`);
    return entries.toSorted().join(" ");
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.source.diagnostics;
  }

  async until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "penstock-source-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function watching(context: TestContext, paths: readonly string[], timing = FAST): Promise<Watched> {
  const watched = new Watched(paths, timing);
  context.after(() => watched.source.close());
  await watched.source.start();
  return watched;
}

test("start fills the store and marks it as synced", async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "a.yaml"), configMap("a", "1"));
  const watched = await watching(context, [folder]);
  assert.equal(watched.store.isSynced, true);
  assert.equal(watched.now, "a=1");
  assert.equal(watched.store.locationOf({ kind: "ConfigMap", namespace: "default", name: "a" })?.line, 1);
});

test("a path that is not there ends the start with one line", async () => {
  const store = new ObjectStore();
  const source = new FileSource({ paths: ["/nowhere/at/all"], store });
  await assert.rejects(source.start(), (error) => {
    assert.ok(error instanceof SourceError);
    assert.equal(error.message, "cannot read manifests from /nowhere/at/all: no such file or folder; check the path");
    return true;
  });
  assert.equal(store.isSynced, false);
  await source.close();
});

test("without watching it reads once and holds nothing open", async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "a.yaml"), configMap("a", "1"));
  const store = new ObjectStore();
  await new FileSource({ paths: [folder], store, watch: false }).start();
  assert.equal(store.world().configMaps.length, 1);
  assert.equal(
    process.getActiveResourcesInfo().some((name) => name === "FSEventWrap"),
    false,
  );
});

test("files that are written, added and deleted change the store", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "a.yaml"), configMap("a", "1"));
  const watched = await watching(context, [folder]);
  await writeFile(join(folder, "a.yaml"), configMap("a", "2"));
  await watched.until(() => watched.now === "a=2");
  await writeFile(join(folder, "b.yaml"), configMap("b", "1"));
  await watched.until(() => watched.now === "a=2 b=1");
  await unlink(join(folder, "a.yaml"));
  await watched.until(() => watched.now === "b=1");
  assert.deepEqual(watched.diagnostics, []);
});

test("a single file is watched, also when it is replaced by another", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  const file = join(folder, "a.yaml");
  await writeFile(file, configMap("a", "1"));
  const watched = await watching(context, [file]);
  await appendFile(file, `---\n${configMap("b", "1")}`);
  await watched.until(() => watched.now === "a=1 b=1");
  await writeFile(join(folder, "new.yaml"), configMap("a", "3"));
  await rename(join(folder, "new.yaml"), file);
  await watched.until(() => watched.now === "a=3");
});

test("an editor's save never deletes what is saved", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  const file = join(folder, "a.yaml");
  await writeFile(file, configMap("a", "1"));
  // Patient, so that a busy machine does not make a pause of what is one save.
  const watched = await watching(context, [folder], { ...FAST, settleMs: 200, goneMs: 400 });
  // Written beside and renamed over.
  await writeFile(join(folder, ".a.yaml.swp"), configMap("a", "2"));
  await rename(join(folder, ".a.yaml.swp"), file);
  await watched.until(() => watched.now === "a=2");
  // Moved away as a backup and written anew.
  await rename(file, join(folder, "a.yaml~"));
  await writeFile(file, configMap("a", "3"));
  await watched.until(() => watched.now === "a=3");
  // Cut to nothing and written in two steps.
  await writeFile(file, "");
  await appendFile(file, "apiVersion: v1\nkind: ConfigMap\n");
  await appendFile(file, "metadata: {name: a}\ndata: {key: 4}\n".replace("4", '"4"'));
  await watched.until(() => watched.now === "a=4");
  assert.deepEqual(
    watched.history.filter((state) => !state.startsWith("a=")),
    [],
  );
});

test("a volume of the kubelet is followed through the swap of its link", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  await mkdir(join(folder, "..1"));
  await writeFile(join(folder, "..1", "a.yaml"), configMap("a", "1"));
  await writeFile(join(folder, "..1", "b.yaml"), configMap("b", "1"));
  await symlink("..1", join(folder, "..data"));
  await symlink("..data/a.yaml", join(folder, "a.yaml"));
  await symlink("..data/b.yaml", join(folder, "b.yaml"));
  const watched = await watching(context, [folder]);
  assert.equal(watched.now, "a=1 b=1");
  for (const version of ["2", "3"]) {
    await mkdir(join(folder, `..${version}`));
    await writeFile(join(folder, `..${version}`, "a.yaml"), configMap("a", version));
    await symlink(`..${version}`, join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
    if (version === "2") await unlink(join(folder, "b.yaml"));
    await watched.until(() => watched.now === `a=${version}`);
  }
  assert.equal(watched.history.includes(""), false);
});

test("a link to a file elsewhere is followed to where it is written", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  const elsewhere = await temporaryFolder(context);
  await writeFile(join(elsewhere, "real.yaml"), configMap("a", "1"));
  await symlink(join(elsewhere, "real.yaml"), join(folder, "a.yaml"));
  const watched = await watching(context, [folder]);
  for (const value of ["2", "3"]) {
    await writeFile(join(elsewhere, "real.yaml"), configMap("a", value));
    await watched.until(() => watched.now === `a=${value}`);
  }
});

test("new folders are watched, and those that go take their objects along", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "a.yaml"), configMap("a", "1"));
  const watched = await watching(context, [folder]);
  await mkdir(join(folder, "x", "y"), { recursive: true });
  await writeFile(join(folder, "x", "y", "b.yaml"), configMap("b", "1"));
  await watched.until(() => watched.now === "a=1 b=1");
  await writeFile(join(folder, "x", "y", "b.yaml"), configMap("b", "2"));
  await watched.until(() => watched.now === "a=1 b=2");
  await rm(join(folder, "x"), { recursive: true });
  await watched.until(() => watched.now === "a=1");
});

test("a folder that is replaced by another of the same name is watched on", TIMEOUT, async (context) => {
  const parent = await temporaryFolder(context);
  const folder = join(parent, "manifests");
  for (const [name, value] of [
    ["manifests", "1"],
    ["next", "2"],
  ] as const) {
    await mkdir(join(parent, name));
    await writeFile(join(parent, name, "a.yaml"), configMap("a", value));
  }
  const watched = await watching(context, [folder]);
  await rename(folder, join(parent, "old"));
  await rename(join(parent, "next"), folder);
  await watched.until(() => watched.now === "a=2");
  await writeFile(join(folder, "a.yaml"), configMap("a", "3"));
  await watched.until(() => watched.now === "a=3");
});

test("a link to a folder is followed when it points elsewhere", TIMEOUT, async (context) => {
  const parent = await temporaryFolder(context);
  for (const value of ["1", "2"]) {
    await mkdir(join(parent, value));
    await writeFile(join(parent, value, "a.yaml"), configMap("a", value));
  }
  await symlink("1", join(parent, "current"));
  const watched = await watching(context, [join(parent, "current")]);
  await symlink("2", join(parent, "next"));
  await rename(join(parent, "next"), join(parent, "current"));
  await watched.until(() => watched.now === "a=2");
});

test("a file that breaks keeps its objects and says so, until it is mended", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  const file = join(folder, "a.yaml");
  await writeFile(file, `${configMap("a", "1")}---\n${configMap("b", "1")}`);
  const watched = await watching(context, [folder]);
  await writeFile(file, `${configMap("a", "2")}---\n${configMap("b", "2")}broken\n`);
  await watched.until(() => watched.diagnostics.length > 0);
  // The document that can be read is taken, the other one stays as it was.
  assert.equal(watched.now, "a=2 b=1");
  const [diagnostic] = watched.diagnostics;
  assert.equal(diagnostic?.severity, "error");
  assert.deepEqual(diagnostic.location, { file, document: 2, line: 10 });
  assert.match(diagnostic.hint, /What was last read from this file is still served\.$/);
  await writeFile(file, configMap("b", "3"));
  await watched.until(() => watched.diagnostics.length === 0);
  assert.equal(watched.now, "b=3");
});

test("an object that is refused keeps its last good version, and takes no other along", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  const file = join(folder, "a.yaml");
  await writeFile(file, `${configMap("a", "1")}---\n${configMap("b", "1")}`);
  const watched = await watching(context, [folder]);
  await writeFile(file, `${configMap("a", "[2]")}---\n${configMap("b", "2")}---\n${configMap("New", "1")}`);
  await watched.until(() => watched.now.includes("b=2"));
  assert.equal(watched.now, "a=1 b=2");
  assert.deepEqual(
    watched.diagnostics.map(({ object, field, hint }) => [object?.name, field, hint]),
    [
      ["a", "data.key", "Its last good version is still served."],
      ["New", "metadata.name", ""],
    ].map(([name, field, hint]) => [name, field === "data.key" ? "data[key]" : field, hint]),
  );
  await writeFile(file, configMap("a", "3"));
  await watched.until(() => watched.now === "a=3");
  assert.deepEqual(watched.diagnostics, []);
});

test("a file that becomes unreadable as a whole keeps its objects", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "a.yaml"), configMap("a", "1"));
  const watched = await watching(context, [folder]);
  await writeFile(join(folder, "a.yaml"), Buffer.from([0xff, 0xfe, 0x00]));
  await watched.until(() => watched.diagnostics.length > 0);
  assert.equal(watched.diagnostics[0]?.reason, "InvalidEncoding");
  assert.equal(watched.now, "a=1");
});

test(
  "a given path that disappears keeps its objects, with a diagnostic, until it is back",
  TIMEOUT,
  async (context) => {
    const parent = await temporaryFolder(context);
    const folder = join(parent, "manifests");
    await mkdir(folder);
    await writeFile(join(folder, "a.yaml"), configMap("a", "1"));
    const watched = await watching(context, [folder]);
    await rename(folder, join(parent, "away"));
    await watched.until(() => watched.diagnostics.length > 0);
    assert.equal(watched.now, "a=1");
    assert.equal(watched.diagnostics[0]?.message, `cannot read ${folder}: no such file or folder`);
    assert.equal(watched.diagnostics[0]?.hint, "What was last read from it is still served.");
    await writeFile(join(parent, "away", "a.yaml"), configMap("a", "2"));
    await rename(join(parent, "away"), folder);
    await watched.until(() => watched.diagnostics.length === 0 && watched.now === "a=2");
  },
);

test("an object that moves to another file stays what it is", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "b.yaml"), configMap("a", "1"));
  const watched = await watching(context, [folder]);
  const ref = { kind: "ConfigMap", namespace: "default", name: "a" } as const;
  const before = watched.store.get(ref);
  const { length } = watched.history;
  await rename(join(folder, "b.yaml"), join(folder, "c.yaml"));
  await writeFile(join(folder, "z.yaml"), configMap("z", "1"));
  await watched.until(() => watched.now === "a=1 z=1");
  await writeFile(join(folder, "z.yaml"), configMap("z", "2"));
  await watched.until(() => watched.now === "a=1 z=2");
  assert.equal(watched.store.get(ref), before);
  assert.equal(watched.store.locationOf(ref)?.file, join(folder, "c.yaml"));
  assert.deepEqual(watched.diagnostics, []);
  assert.deepEqual(watched.history.slice(length), ["a=1 z=1", "a=1 z=2"]);
});

test("an object whose new version is refused still comes before another of its name", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "a.yaml"), configMap("same", "1"));
  await writeFile(join(folder, "b.yaml"), configMap("same", "2"));
  const watched = await watching(context, [folder]);
  await writeFile(join(folder, "a.yaml"), configMap("same", "[3]"));
  await watched.until(() => watched.diagnostics.some(({ reason }) => reason === "InvalidType"));
  assert.equal(watched.now, "same=1");
  assert.deepEqual(
    watched.diagnostics.map(({ reason }) => reason),
    ["InvalidType", "DuplicateObject"],
  );
});

test("when the first of two objects of a name goes, the second takes its place", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "a.yaml"), configMap("same", "1"));
  await writeFile(join(folder, "b.yaml"), configMap("same", "2"));
  const watched = await watching(context, [folder]);
  assert.equal(watched.now, "same=1");
  assert.equal(watched.diagnostics[0]?.reason, "DuplicateObject");
  await unlink(join(folder, "a.yaml"));
  await watched.until(() => watched.now === "same=2" && watched.diagnostics.length === 0);
  assert.equal(watched.history.includes(""), false);
});

test("changes that nobody is told of are found by polling", TIMEOUT, async (context) => {
  const parent = await temporaryFolder(context);
  const folder = join(parent, "x", "manifests");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "a.yaml"), configMap("a", "1"));
  const watched = await watching(context, [folder], { ...FAST, pollMs: 20 });
  // Two levels up nothing is watched.
  await rename(join(parent, "x"), join(parent, "away"));
  await watched.until(() => watched.diagnostics.length > 0);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "a.yaml"), configMap("a", "2"));
  await watched.until(() => watched.now === "a=2" && watched.diagnostics.length === 0);
});

test("hundreds of writes at once end in the last state, with few changes of the store", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  const names = Array.from({ length: 100 }, (_, position) => `c${String(position).padStart(3, "0")}`);
  const watched = await watching(context, [folder]);
  for (const value of ["1", "2", "3"]) {
    await Promise.all(names.map((name) => writeFile(join(folder, `${name}.yaml`), configMap(name, value))));
  }
  const last = names.map((name) => `${name}=3`).join(" ");
  await watched.until(() => watched.now === last);
  assert.ok(watched.history.length < 100, `${watched.history.length} changes`);
});

test("after closing nothing changes any more", TIMEOUT, async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "a.yaml"), configMap("a", "1"));
  const watched = await watching(context, [folder]);
  const other = await watching(context, [folder]);
  await watched.source.close();
  await writeFile(join(folder, "a.yaml"), configMap("a", "2"));
  await other.until(() => other.now === "a=2");
  assert.equal(watched.now, "a=1");
});
