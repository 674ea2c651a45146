import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { LAYERS } from "../../tools/lint/import-table.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** What a checkout needs for the linter to run as `npm run lint` does. */
const LINTED = ["src", "tools", "package.json", "tsconfig.json", ".oxlintrc.jsonc"];

interface Finding {
  readonly code: string;
  readonly filename: string;
  readonly message: string;
}

interface LintResult {
  readonly exitCode: number | null;
  readonly fileCount: number;
  readonly ruleCount: number;
  readonly findings: readonly Finding[];
}

/** Lints a checkout with the project's own configuration. */
function lint(root: string): LintResult {
  const oxlint = path.join(ROOT, "node_modules/oxlint/bin/oxlint");
  const run = spawnSync(process.execPath, [oxlint, "--format", "json", "src"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env["PATH"] ?? ""}` },
  });
  const report = JSON.parse(run.stdout) as {
    diagnostics: readonly Finding[];
    number_of_files: number;
    number_of_rules: number;
  };
  return {
    exitCode: run.status,
    fileCount: report.number_of_files,
    ruleCount: report.number_of_rules,
    findings: report.diagnostics,
  };
}

/** Each planted file holds one import that design forbids: file, import, and a part of what the linter must say. */
const FORBIDDEN: readonly (readonly [string, string, string])[] = [
  ["src/ir/planted-a.ts", 'import "../lib/planted-target.ts";', "src/ir may not import src/lib"],
  ["src/ir/planted-b.ts", 'import "node:fs";', "src/ir may not import node:fs"],
  ["src/lib/planted-a.ts", 'import "../ir/planted-target.ts";', "src/lib may not import src/ir"],
  ["src/engine/server/planted-a.ts", 'import "../../ir/planted-target.ts";', "src/engine may not import src/ir"],
  [
    "src/engine/server/planted-b.ts",
    'export function load(): Promise<unknown> { return import("../../telemetry/planted-target.ts"); }',
    "src/engine may not import src/telemetry",
  ],
  [
    "src/engine/server/planted-c.ts",
    'export type Planted = import("../../ir/planted-target.ts").Planted;',
    "src/engine may not import src/ir",
  ],
  ["src/engine/server/planted-d.ts", 'import "node:http";', "src/engine may not import node:http"],
  ["src/engine/server/planted-e.ts", 'import "undici";', "may be imported in src/source/kubernetes/client only"],
  ["src/engine/proxy/planted-a.ts", 'import "../http1/planted-target.ts";', "src/engine/proxy may not import"],
  ["src/engine/proxy/planted-b.ts", 'import "../http2/planted-target.ts";', "src/engine/proxy may not import"],
  ["src/engine/http1/planted-a.ts", 'import "../http2/planted-target.ts";', "src/engine/http1 may not import"],
  ["src/engine/http2/planted-a.ts", 'import "../http1/planted-target.ts";', "src/engine/http2 may not import"],
  ["src/engine/transport/planted-a.ts", 'import "../proxy/planted-target.ts";', "src/engine/transport may not import"],
  ["src/engine/http/planted-a.ts", 'import "../proxy/planted-target.ts";', "src/engine/http may not import"],
  [
    "src/engine/upstream/planted-a.ts",
    'import "find-my-way";',
    "package find-my-way is not in tools/lint/import-table.ts",
  ],
  ["src/ingress/planted-a.ts", 'import "../translate/planted-target.ts";', "src/ingress may not import src/translate"],
  ["src/ingress/planted-b.ts", 'import "@kubernetes/client-node";', "may be imported in src/source/kubernetes only"],
  ["src/ingress/planted-c.ts", 'import { Planted } from "../dataplane/protocol.ts"; new Planted();', "`import type`"],
  ["src/ingress/planted-d.ts", 'import "../dataplane/planted-target.ts";', "src/ingress may not import src/dataplane"],
  [
    "src/translate/planted-a.ts",
    'import "../source/object-types.ts";',
    "src/translate may not import src/source/object-types.ts except with `import type`",
  ],
  ["src/translate/planted-b.ts", 'import "node:fs";', "src/translate may not import node:fs"],
  ["src/translate/planted-c.ts", 'import "../engine/http/planted-target.ts";', "src/translate may not import"],
  ["src/source/planted-a.ts", 'import "../translate/planted-target.ts";', "src/source may not import src/translate"],
  [
    "src/source/files/planted-a.ts",
    'import "@kubernetes/client-node";',
    "may be imported in src/source/kubernetes only",
  ],
  ["src/reconcile/planted-a.ts", 'import "../dataplane/planted-target.ts";', "src/reconcile may not import"],
  [
    "src/dataplane/planted-a.ts",
    'import type { Planted } from "../ingress/planted-target.ts";\nexport type Again = Planted;',
    "src/dataplane may not import src/ingress",
  ],
  ["src/dataplane/planted-b.ts", 'import "../engine/proxy/planted-target.ts";', "src/dataplane may not import"],
  ["src/telemetry/planted-a.ts", 'import "../engine/proxy/planted-target.ts";', "src/telemetry may not import"],
  ["src/admin/planted-a.ts", 'import "../engine/proxy/planted-target.ts";', "src/admin may not import"],
  ["src/config/planted-a.ts", 'import "../cli/planted-target.ts";', "src/config may not import src/cli"],
  ["src/cli/planted-a.ts", 'import "left-pad";', "package left-pad is not in tools/lint/import-table.ts"],
  ["src/cli/planted-b.ts", 'import "../index.ts";', "nothing inside src/ imports src/index.ts"],
  ["src/cli/planted-c.ts", 'import "../../tools/lint/plugin.ts";', "leaves src/"],
  ["src/cli/planted-d.ts", 'import "../lib/planted.test.ts";', "only tests import tests"],
  ["src/cli/planted-e.ts", 'import "fs";', 'is written "node:fs"'],
  [
    "src/cli/planted-f.ts",
    "export function load(name: string): Promise<unknown> { return import(name); }",
    "plain string",
  ],
  ["src/cli/planted-g.ts", 'export { planted } from "../lib/planted-target.ts";', "only src/index.ts is a barrel"],
  ["src/cli/planted-h.ts", 'export * from "../lib/planted-target.ts";', "only src/index.ts is a barrel"],
  ["src/attic/planted-a.ts", "export const planted = 1;", "belongs to no layer"],
];

/** Imports that stand for what the table allows; the linter must say nothing of them. */
const ALLOWED: Readonly<Record<string, string>> = {
  "src/ir/allowed-a.ts": 'import "./planted-target.ts";\nimport "node:crypto";',
  "src/engine/proxy/allowed-a.ts": 'import "../http/planted-target.ts";\nimport "../../lib/planted-target.ts";',
  "src/engine/http1/allowed-a.ts": 'import "../proxy/planted-target.ts";\nimport "node:net";',
  "src/ingress/allowed-a.ts":
    'import type { Planted } from "../dataplane/protocol.ts";\nimport "../engine/proxy/planted-target.ts";\nexport type Again = Planted;',
  "src/translate/allowed-a.ts":
    'import type { Planted } from "../source/object-types.ts";\nimport "../ir/planted-target.ts";\nexport type Again = Planted;',
  "src/dataplane/allowed-a.ts": 'import "../engine/health/planted-target.ts";',
  "src/source/kubernetes/allowed-a.ts": 'import "@kubernetes/client-node";',
  "src/cli/allowed-a.ts": 'import "../reconcile/planted-target.ts";\nimport "commander";',
  "src/engine/server/allowed.test.ts": 'import "node:http";\nimport "undici";\nimport "../../ir/planted-target.ts";',
};

/** What the planted imports ask for. */
const TARGET = "export type Planted = 1;\nexport const planted = 1;";
const TARGET_FOLDERS: readonly string[] = [
  "ir",
  "lib",
  "engine/http",
  "engine/http1",
  "engine/http2",
  "engine/proxy",
  "engine/health",
  "ingress",
  "translate",
  "telemetry",
  "dataplane",
  "reconcile",
  "cli",
];

const CYCLE: Readonly<Record<string, string>> = {
  "src/lib/cycle-a.ts": 'import type { B } from "./cycle-b.ts";\nexport type A = { readonly b: B | null };',
  "src/lib/cycle-b.ts": 'import type { A } from "./cycle-a.ts";\nexport type B = { readonly a: A | null };',
};

let copy = "";
/** What the linter says of a copy of the tree with everything below planted in it. */
let planted: LintResult;

before(() => {
  copy = mkdtempSync(path.join(tmpdir(), "penstock-import-rules-"));
  for (const name of LINTED) cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true });
  symlinkSync(path.join(ROOT, "node_modules"), path.join(copy, "node_modules"));
  plant(Object.fromEntries(FORBIDDEN.map(([file, text]) => [file, text])));
  plant(ALLOWED);
  plant(CYCLE);
  plant(Object.fromEntries(TARGET_FOLDERS.map((folder) => [`src/${folder}/planted-target.ts`, TARGET])));
  planted = lint(copy);
});

after(() => {
  rmSync(copy, { recursive: true, force: true });
});

function plant(files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    writeFileSync(path.join(copy, file), `// Planted by a test.\n${text}\n`);
  }
}

test("the linter refuses every forbidden import and nothing else", () => {
  const said = planted.findings.filter(({ code }) => code === "penstock(import-rules)");
  for (const [file, , expected] of FORBIDDEN) {
    const messages = said.filter(({ filename }) => filename === file).map(({ message }) => message);
    assert.equal(messages.length, 1, `${file}: ${JSON.stringify(messages)}`);
    assert.ok(messages[0]?.includes(expected), `${file}: expected "${expected}" in "${messages[0]}"`);
  }
  for (const file of Object.keys(ALLOWED)) {
    const messages = said.filter(({ filename }) => filename === file).map(({ message }) => message);
    assert.deepEqual(messages, [], file);
  }
  assert.notEqual(planted.exitCode, 0, "a forbidden import fails the lint command");
});

test("the linter refuses cycles, also between types", () => {
  const cycles = planted.findings.filter(({ code }) => code === "import(no-cycle)").map(({ filename }) => filename);
  for (const file of Object.keys(CYCLE)) assert.ok(cycles.includes(file), `${file} is in a cycle`);
});

test("the linter sees the whole source tree, and no forbidden import is in it", () => {
  const expected = globSync("src/**/*.ts", { cwd: ROOT }).length;
  assert.ok(expected > 20, `only ${expected} source files found`);

  const result = lint(ROOT);
  assert.ok(result.fileCount >= expected, `linted ${result.fileCount} of ${expected} files`);
  assert.ok(result.ruleCount > 100, `only ${result.ruleCount} rules were active`);
  const forbidden = result.findings.filter(({ code }) => /^penstock\(import-rules\)|^import\(no-cycle\)/.test(code));
  assert.deepEqual(forbidden, []);
});

test("every folder of src/ has a layer of its own in the table", () => {
  const folders = new Set(LAYERS.map(({ folder }) => folder));
  for (const entry of readdirSync(path.join(ROOT, "src"))) {
    assert.ok(folders.has(`src/${entry}`), `src/${entry} is missing from tools/lint/import-table.ts`);
  }
});
