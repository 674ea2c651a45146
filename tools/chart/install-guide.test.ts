// What docs/install.md tells people to write is what the chart takes. Its commands are run by run-install-guide.ts.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { readCommandBlocks } from "./command-blocks.ts";
import { renderChart } from "./rendered-chart.ts";
import type { Values } from "./rendered-chart.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const GUIDE = readFileSync(path.join(ROOT, "docs/install.md"), "utf8");

describe("docs/install.md", () => {
  const blocks = readCommandBlocks(GUIDE);

  it("leads from nothing to a served Ingress and back", () => {
    const run = blocks.filter(({ mark }) => mark !== "never").map(({ commands }) => commands);
    assert.match(run[0] ?? "", /^kind create cluster/);
    assert.ok(run.some((commands) => commands.startsWith("curl ")));
    assert.match(run.at(-1) ?? "", /^kind delete cluster/);
  });

  it("has every command that the README shows, so that those are run as well", () => {
    const readme = readFileSync(path.join(ROOT, "README.md"), "utf8");
    const [, commands = ""] = /^## Install in a cluster$[^`]*```sh\n([^`]+)```/m.exec(readme) ?? [];
    const run = new Set(blocks.flatMap((block) => block.commands.split("\n")));
    const lines = commands.trim().split("\n");
    assert.ok(lines.length >= 6);
    for (const line of lines) assert.ok(run.has(line), `${line} is not in docs/install.md`);
  });

  it("names files that are there", () => {
    const files = blocks.flatMap(({ commands }) => commands.match(/\b(?:deploy\/|kind-config)[\w./-]+/g) ?? []);
    assert.ok(files.length > 5);
    for (const file of files) assert.ok(existsSync(path.join(ROOT, file)), `${file} is not there`);
  });

  it("shows values that the chart takes", async () => {
    const examples = Array.from(GUIDE.matchAll(/^```yaml\n([^`]+)^```$/gm), ([, text = ""]) => parse(text) as Values);
    assert.ok(examples.length >= 4);
    for (const values of examples) assert.ok((await renderChart(values)).objects.length > 5);
    const kind = parse(readFileSync(path.join(ROOT, "deploy/helm/kind-values.yaml"), "utf8")) as Values;
    assert.equal((await renderChart(kind)).one("DaemonSet").kind, "DaemonSet");
  });

  it("marks every block of commands, or the reader of them fails", () => {
    assert.throws(() => readCommandBlocks("a\n```sh\nhelm\n```\n"), /line 2: write run=cluster/);
    assert.deepEqual(readCommandBlocks("```yaml\na: 1\n```\n```sh run=kind\nb\nc\n```\n"), [
      { mark: "kind", commands: "b\nc", line: 4 },
    ]);
  });
});
