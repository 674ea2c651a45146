import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FolderWatcher } from "./folder-watcher.ts";

test("folders are new once, and again when another one has their name", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "penstock-watcher-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const watcher = new FolderWatcher(() => {});
  context.after(() => watcher.close());
  const gone = { path: join(folder, "gone"), identity: "0:0", entry: null };
  assert.equal(watcher.update([{ path: folder, identity: "1:1", entry: null }, gone]), true);
  assert.equal(watcher.update([{ path: folder, identity: "1:1", entry: null }, gone]), false);
  assert.equal(watcher.update([{ path: folder, identity: "1:2", entry: null }]), true);
  assert.equal(watcher.update([]), false);
});

test("only the entries that matter are heard of", { timeout: 20_000 }, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "penstock-watcher-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  let seen = 0;
  let heard = Promise.withResolvers<void>();
  const watcher = new FolderWatcher(() => {
    seen += 1;
    heard.resolve();
  });
  context.after(() => watcher.close());
  // A second watch of the same folder tells when the events that must not be heard have come by.
  const all = new FolderWatcher(() => passed.resolve());
  context.after(() => all.close());
  const passed = Promise.withResolvers<void>();
  watcher.update([{ path: folder, identity: "1:1", entry: "a.yaml" }]);
  all.update([{ path: folder, identity: "1:1", entry: "last.yaml" }]);
  await writeFile(join(folder, "b.yaml"), "");
  await writeFile(join(folder, "last.yaml"), "");
  await passed.promise;
  assert.equal(seen, 0);
  await writeFile(join(folder, "a.yaml"), "");
  await heard.promise;
  heard = Promise.withResolvers<void>();
  watcher.update([{ path: folder, identity: "1:1", entry: null }]);
  await writeFile(join(folder, "b.yaml"), "x");
  await heard.promise;
  assert.ok(seen > 1);
});
