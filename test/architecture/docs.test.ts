import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { statusOfError } from "../../src/engine/proxy/proxy-error.ts";
import type { ProxyErrorType } from "../../src/engine/proxy/proxy-error.ts";
import { AccessLogWriter } from "../../src/telemetry/access-log.ts";
import { ANNOTATION_PREFIX, ANNOTATION_RULES } from "../../src/translate/annotations/registry.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const DOCUMENTS = globSync(["*.md", "docs/**/*.md", "examples/**/*.md"], { cwd: ROOT });

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), "utf8");
}

/** The anchors that a Markdown renderer gives to headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

test("links between documents lead to files and headings that exist", () => {
  assert.ok(DOCUMENTS.length > 15, `only ${DOCUMENTS.length} documents found`);
  let checked = 0;
  for (const document of DOCUMENTS) {
    for (const [, target = ""] of read(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const resolved = file === "" ? document : path.join(path.dirname(document), file);
      assert.ok(existsSync(path.join(ROOT, resolved)), `${document} links to ${target}, which does not exist`);
      if (anchor !== undefined) {
        assert.ok(anchorsOf(read(resolved)).has(anchor), `${document} links to ${target}: there is no such heading`);
      }
      checked++;
    }
  }
  assert.ok(checked > 30, `only ${checked} links found`);
});

test("the guide names every annotation, and none that does not exist", () => {
  const guide = read("docs/guide/annotations.md");
  const table = Array.from(guide.matchAll(/^\| `penstock\.dev\/([a-z-]+)`/gm), ([, name = ""]) => name);
  assert.deepEqual(table.toSorted(), Array.from(ANNOTATION_RULES.keys()).toSorted());
  for (const name of ANNOTATION_RULES.keys()) {
    assert.ok(guide.includes(`**${name}**`), `${ANNOTATION_PREFIX}${name} is in the table but not explained`);
  }
});

test("the guide's table of errors has every status that the engine answers", () => {
  const guide = read("docs/guide/errors.md");
  const table = new Set(Array.from(guide.matchAll(/^\| (\d{3}) /gm), ([, status]) => Number(status)));
  const source = read("src/engine/proxy/proxy-error.ts");
  const union = /export type ProxyErrorType =([^;]+);/.exec(source)?.[1] ?? "";
  const types = Array.from(union.matchAll(/"([a-z-]+)"/g), ([, type]) => type as ProxyErrorType);
  assert.ok(types.length > 15, `only ${types.length} error types found`);
  for (const type of types) {
    assert.ok(table.has(statusOfError(type)), `${statusOfError(type)} (${type}) is missing from docs/guide/errors.md`);
  }
});

test("the glossary has every field of the access log, in its order", () => {
  const lines: string[] = [];
  const writer = new AccessLogWriter({ workerId: 0, emit: (bytes) => lines.push(Buffer.from(bytes).toString()) });
  writer.write({
    requestId: "1",
    client: "::1",
    method: "GET",
    host: "a",
    path: "/",
    query: "",
    protocol: "HTTP/1.1",
    scheme: "http",
    status: 200,
    requestBytes: 0,
    responseBytes: 0,
    durationMs: 0,
    route: "",
    upstream: "",
    endpoint: "",
    attempts: 0,
    isUpstreamReused: false,
    upstreamHeaderMs: -1,
    userAgent: null,
    referer: null,
    error: null,
    tlsVersion: null,
    listener: "http",
  });
  writer.flush();
  const written = Object.keys(JSON.parse(lines.join("")) as object);
  const section = read("docs/glossary.md").split("## Fields of the access log")[1] ?? "";
  const documented = Array.from(section.matchAll(/^\| `([a-z_]+)`/gm), ([, name]) => name);
  assert.deepEqual(documented, written);
});

test("the guide has every metric of ours, and none that does not exist", () => {
  const sources = globSync("src/telemetry/*.ts", { cwd: ROOT }).filter((file) => !file.endsWith(".test.ts"));
  const text = sources.map(read).join("\n");
  const names = [
    ...Array.from(text.matchAll(/name: "(penstock_[a-z_]+)"/g), ([, name = ""]) => name),
    ...Array.from(text.matchAll(/#(?:gauge|counter|histogram)\(\s*"([a-z_]+)"/g), ([, name]) => `penstock_${name}`),
  ];
  assert.ok(names.length > 15, `only ${names.length} metrics found`);
  const table = read("docs/guide/operations.md").split("## Metrics")[1] ?? "";
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const documented = rows.flatMap((row) => Array.from(row.matchAll(/`(penstock_[a-z_]+)`/g), ([, name = ""]) => name));
  assert.deepEqual(documented.toSorted(), names.toSorted());
});

test("commands in the documents name files that exist", () => {
  let checked = 0;
  for (const document of DOCUMENTS) {
    for (const [, file = ""] of read(document).matchAll(/(?:node|--from|--tls|check) ((?:src|examples)\/[\w./-]+)/g)) {
      assert.ok(existsSync(path.join(ROOT, file)), `${document} names ${file}, which does not exist`);
      checked++;
    }
  }
  assert.ok(checked > 15, `only ${checked} commands found`);
});
