import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import fc from "fast-check";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { formatName } from "../../ir/names.ts";
import { SourceError } from "../source-error.ts";
import { readManifestBytes } from "./file-reading.ts";
import { DEFAULT_READ_LIMITS } from "./read-limits.ts";
import type { ReadResult } from "./read-manifests.ts";
import { readManifests } from "./read-manifests.ts";

/** A folder that is gone after the test, with these files in it. */
async function folderOf(context: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "penstock-manifests-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

function configMap(name: string, value = "x"): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  key: ${value}\n`;
}

/** `ConfigMap default/a a.yaml:1#1`, relative to the folder. */
function placesOf(result: ReadResult, folder: string): string[] {
  return result.objects.map(({ object, location }) => {
    const { name, namespace = "" } = object.metadata;
    const file = location?.file.replace(`${folder}/`, "");
    return `${object.kind} ${formatName({ namespace, name })} ${file}:${location?.line}#${location?.document}`;
  });
}

function show(diagnostic: Diagnostic, folder: string): string {
  const { severity, reason, location, field, message } = diagnostic;
  const place = `${location?.file}:${location?.line}#${location?.document}`;
  return `${place} ${severity} ${reason} ${field}: ${message}`.replaceAll(`${folder}/`, "").replaceAll(folder, ".");
}

function showAll(result: ReadResult, folder: string): string[] {
  return result.diagnostics.map((diagnostic) => show(diagnostic, folder));
}

test("folders are read with everything below them, in order, hidden entries and other files left out", async (context) => {
  const folder = await folderOf(context, {
    "b.yaml": configMap("b"),
    "a.yml": configMap("a"),
    "sub/deeper/c.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}',
    "notes.txt": "not: [a manifest",
    ".hidden.yaml": configMap("hidden"),
    ".git/config.yaml": configMap("git"),
    "..2026_01_31/d.yaml": configMap("d"),
  });
  const result = await readManifests([folder]);
  assert.deepEqual(placesOf(result, folder), [
    "ConfigMap default/a a.yml:1#1",
    "ConfigMap default/b b.yaml:1#1",
    "ConfigMap default/c sub/deeper/c.json:1#1",
  ]);
  assert.deepEqual(result.diagnostics, []);
});

test("a file is read whatever its name, when it is named", async (context) => {
  const folder = await folderOf(context, { manifest: configMap("a") });
  assert.deepEqual(placesOf(await readManifests([join(folder, "manifest")]), folder), [
    "ConfigMap default/a manifest:1#1",
  ]);
});

test("documents are counted and lines are those of the file", async (context) => {
  const folder = await folderOf(context, {
    "a.yaml": `# head\n---\n${configMap("a")}---\n# only a comment\n---\n${configMap("b")}---\n${configMap("c").replace("key:", "key: [")}`,
  });
  const result = await readManifests([folder]);
  assert.deepEqual(placesOf(result, folder), ["ConfigMap default/a a.yaml:3#1", "ConfigMap default/b a.yaml:12#3"]);
  assert.match(showAll(result, folder)[0] ?? "", /^a\.yaml:24#4 error InvalidYaml : /);
});

test("a broken document leaves the others of its file alone", async (context) => {
  const folder = await folderOf(context, { "a.yaml": `${configMap("a")}---\na: b: c\n---\n${configMap("b")}` });
  const result = await readManifests([folder]);
  assert.deepEqual(placesOf(result, folder), ["ConfigMap default/a a.yaml:1#1", "ConfigMap default/b a.yaml:10#3"]);
  assert.deepEqual(showAll(result, folder), [
    "a.yaml:8#2 error InvalidYaml : Nested mappings are not allowed in compact mappings",
  ]);
});

test("lists are read item by item, one refused item by itself", async (context) => {
  const folder = await folderOf(context, {
    "list.yaml": `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: a}
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: B
- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Namespace, metadata: {name: shop}}]}
`,
    "typed.json": JSON.stringify({
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClassList",
      items: [{ metadata: { name: "penstock" }, spec: { controller: "penstock.dev/ingress-controller" } }],
    }),
  });
  const result = await readManifests([folder]);
  assert.deepEqual(placesOf(result, folder), [
    "ConfigMap default/a list.yaml:4#1",
    "Namespace shop list.yaml:11#1",
    "IngressClass penstock typed.json:1#1",
  ]);
  assert.deepEqual(
    result.diagnostics.map(({ reason, field, location, object }) => [reason, field, location?.line, object?.name]),
    [["InvalidValue", "metadata.name", 10, "B"]],
  );
});

test("kinds that are not read are passed over with one note each", async (context) => {
  const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n";
  const folder = await folderOf(context, {
    "a.yaml": `${configMap("a")}---\n${deployment}---\n${deployment}`,
    "b.yaml": `${deployment}---\n${deployment.replace("Deployment", "DaemonSet")}`,
  });
  const result = await readManifests([folder]);
  assert.equal(result.objects.length, 1);
  assert.deepEqual(showAll(result, folder), [
    "a.yaml:8#2 info UnknownKind : Deployment (apps/v1) is passed over: Penstock does not read this kind (3 objects)",
    "b.yaml:5#2 info UnknownKind : DaemonSet (apps/v1) is passed over: Penstock does not read this kind (1 object)",
  ]);
});

test("of two objects of a name the first is taken, and the second is told of with both places", async (context) => {
  const folder = await folderOf(context, {
    "a.yaml": configMap("same", "first"),
    "b.yaml": `---\n${configMap("same", "second")}`,
    "c.yaml": configMap("same", "first"),
  });
  const result = await readManifests([folder]);
  assert.deepEqual(placesOf(result, folder), ["ConfigMap default/same a.yaml:1#1"]);
  assert.deepEqual(showAll(result, folder), [
    "b.yaml:2#1 error DuplicateObject : ConfigMap default/same is in a.yaml:1 and again in b.yaml:2: the first is served, this one is not",
    "c.yaml:1#1 warning DuplicateObject : ConfigMap default/same is in a.yaml:1 and again in c.yaml:1: both are the same",
  ]);
});

test("a key that is written twice refuses its object and no other", async (context) => {
  const folder = await folderOf(context, {
    "a.yaml": `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: b\n    name: c\n`,
    "b.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},\n"kind":"Secret"}',
  });
  const result = await readManifests([folder]);
  assert.deepEqual(placesOf(result, folder), ["ConfigMap default/a a.yaml:4#1"]);
  assert.deepEqual(showAll(result, folder), [
    'a.yaml:9#1 error DuplicateKey metadata.name: key "name" already set in map',
    'b.json:2#1 error DuplicateKey kind: key "kind" already set in map',
  ]);
});

test("files that are no text, too large or not files are diagnostics, and the rest is read", async (context) => {
  const folder = await folderOf(context, { "a.yaml": configMap("a"), "latin.yaml": "", "large.yaml": "" });
  await writeFile(join(folder, "latin.yaml"), Buffer.from([0x61, 0x3a, 0x20, 0xfc]));
  await truncate(join(folder, "large.yaml"), DEFAULT_READ_LIMITS.maxFileBytes + 1);
  execFileSync("mkfifo", [join(folder, "pipe.yaml")]);
  await symlink("nowhere", join(folder, "dangling.yaml"));
  await symlink("loop.yaml", join(folder, "loop.yaml"));
  const result = await readManifests([folder]);
  assert.deepEqual(placesOf(result, folder), ["ConfigMap default/a a.yaml:1#1"]);
  assert.deepEqual(showAll(result, folder), [
    "loop.yaml:1#1 error PathUnreadable : cannot read loop.yaml: too many symbolic links, perhaps one that points at itself",
    "large.yaml:1#1 error FileTooLarge : 16777217 bytes are more than the 16777216 that a file may have",
    "latin.yaml:1#1 error InvalidEncoding : not valid UTF-8",
  ]);
});

test("all files together, their number, folders and depth are bounded", async (context) => {
  const folder = await folderOf(context, {
    "a.yaml": configMap("a"),
    "b.yaml": configMap("b"),
    "c/d/e.yaml": configMap("e"),
  });
  const limited = async (limits: Partial<typeof DEFAULT_READ_LIMITS>): Promise<string[]> =>
    showAll(await readManifests([folder], { ...DEFAULT_READ_LIMITS, ...limits }), folder);
  assert.match((await limited({ maxFiles: 1 }))[0] ?? "", /more than 1 files/);
  assert.match((await limited({ maxFolders: 2 }))[0] ?? "", /more than 2 folders/);
  assert.match((await limited({ maxFolderDepth: 1 }))[0] ?? "", /more than 1 levels of folders/);
  assert.match((await limited({ maxTotalBytes: 100 }))[0] ?? "", /^b\.yaml:1#1 error FileTooLarge/);
  assert.match((await limited({ maxObjectsPerFile: 1 }))[0] ?? "", /TooManyObjects/);
});

test("diagnostics of one file are bounded, and the rest is counted", async (context) => {
  const folder = await folderOf(context, { "a.yaml": "---\nkind: x\n".repeat(1_500) });
  const result = await readManifests([folder]);
  assert.equal(result.diagnostics.length, DEFAULT_READ_LIMITS.maxDiagnosticsPerFile + 1);
  assert.equal(result.diagnostics.at(-1)?.message, "500 more problems of this file are not shown");
});

test("what is reached twice is read once", async (context) => {
  const folder = await folderOf(context, { "a.yaml": configMap("a"), "sub/b.yaml": configMap("b") });
  await symlink("a.yaml", join(folder, "z.yaml"));
  await symlink("..", join(folder, "sub", "loop"));
  const result = await readManifests([folder, join(folder, "sub"), join(folder, "a.yaml")]);
  assert.deepEqual(placesOf(result, folder), ["ConfigMap default/a a.yaml:1#1", "ConfigMap default/b sub/b.yaml:1#1"]);
  assert.deepEqual(result.diagnostics, []);
});

test("a volume of the kubelet is read through its links, once", async (context) => {
  const folder = await folderOf(context, {
    "..2026_01_31/a.yaml": configMap("a"),
    "..2026_01_31/sub/b.yaml": configMap("b"),
  });
  await symlink("..2026_01_31", join(folder, "..data"));
  await symlink("..data/a.yaml", join(folder, "a.yaml"));
  await symlink("..data/sub", join(folder, "sub"));
  assert.deepEqual(placesOf(await readManifests([folder]), folder), [
    "ConfigMap default/a a.yaml:1#1",
    "ConfigMap default/b sub/b.yaml:1#1",
  ]);
});

test("a path that cannot be read is one line that says what, where and what to do", async (context) => {
  const folder = await folderOf(context, {});
  const missing = join(folder, "missing");
  await assert.rejects(readManifests([folder, missing]), (error) => {
    assert.ok(error instanceof SourceError);
    assert.equal(error.message, `cannot read manifests from ${missing}: no such file or folder; check the path`);
    return true;
  });
  await assert.rejects(readManifests(["/dev/null"]), /\/dev\/null: it is neither a file nor a folder; check the path$/);
});

test("a folder without permission is told of", async (context) => {
  const folder = await folderOf(context, { "a.yaml": configMap("a"), "sub/b.yaml": configMap("b") });
  await chmod(folder, 0o755);
  await chmod(join(folder, "sub"), 0);
  // Root may read everything: become somebody else for the length of the read.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    const result = await readManifests([folder]);
    assert.deepEqual(placesOf(result, folder), ["ConfigMap default/a a.yaml:1#1"]);
    assert.deepEqual(showAll(result, folder), ["sub:1#1 error PathUnreadable : cannot read sub: permission denied"]);
    await assert.rejects(readManifests([join(folder, "sub")]), /permission denied; check its permissions$/);
  } finally {
    if (isRoot) process.seteuid?.(0);
    await chmod(join(folder, "sub"), 0o755);
  }
});

test("a folder without manifests is a warning", async (context) => {
  const folder = await folderOf(context, { "readme.md": "" });
  assert.deepEqual(showAll(await readManifests([folder]), folder), [
    ".:1#1 warning NoManifests : . holds no manifests: there is no .yaml, .yml or .json file in it",
  ]);
});

test("JSON is known by its first character, and may be YAML after all", async () => {
  const names = async (path: string, text: string): Promise<unknown[]> => {
    const reading = await readManifestBytes(path, Buffer.from(text), DEFAULT_READ_LIMITS);
    return reading.documents.flatMap(({ reading: { objects, problems } }) => [
      ...objects.map(({ ref }) => ref.name),
      ...problems.map(({ reason }) => reason),
    ]);
  };
  const json = (name: string): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"}}`;
  assert.deepEqual(await names("a.yaml", `${json("a")}\n${json("b")}`), ["a", "b"]);
  assert.deepEqual(await names("a.yaml", `${json("a")}\n---\n${json("b")}`), ["a", "b"]);
  assert.deepEqual(await names("a.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), ["a"]);
  assert.deepEqual(await names("a.json", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), ["InvalidJson"]);
});

test("any bytes are read to the end, as either format", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.uint8Array(), fc.string().map(Buffer.from)),
      fc.constantFrom("a.yaml", "a.json"),
      async (bytes, path) => {
        const reading = await readManifestBytes(path, Buffer.from(bytes), DEFAULT_READ_LIMITS);
        assert.ok(reading.documents.every(({ reading: { objects } }) => objects.length === 0));
      },
    ),
    { numRuns: 300 },
  );
});
