// Help, versions, and what a person reads who typed something wrong: one line, exit code 2, nothing started.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createFolder, runPenstock } from "../../support/penstock-process.ts";

const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};

describe("help", { concurrency: 2 }, () => {
  it("lists the commands in groups, with examples", async (context) => {
    const { code, stdout, stderr } = await runPenstock(context, ["--help"]);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    for (const heading of ["Serve:", "Inspect:", "Examples:"]) assert.match(stdout, new RegExp(`^${heading}$`, "m"));
    for (const command of ["controller", "serve", "proxy", "demo", "check", "explain", "version"]) {
      assert.match(stdout, new RegExp(`^  ${command} +\\S`, "m"), command);
    }
  });

  for (const command of ["controller", "serve", "proxy", "demo", "check", "explain"]) {
    it(`of ${command} has options with defaults, examples, and says where else they can be set`, async (context) => {
      const { code, stdout } = await runPenstock(context, [command, "--help"]);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage: penstock ${command} `));
      assert.match(stdout, /^Examples:$/m);
      assert.match(stdout, /environment variable \(--log-level: PENSTOCK_LOG_LEVEL/);
      const longest = Math.max(...stdout.split("\n").map((line) => line.length));
      assert.ok(longest <= 120, `a line of ${longest} characters`);
    });
  }

  it("of serve shows the defaults of the listeners", async (context) => {
    const { stdout } = await runPenstock(context, ["serve", "--help"]);
    assert.match(stdout, /--http <ADDR\.\.\.>[^-]*\(default: :8080\)/);
    assert.match(stdout, /--no-watch/);
  });

  it("of a switch shows the form that changes something", async (context) => {
    const { stdout } = await runPenstock(context, ["controller", "--help"]);
    for (const shown of ["--no-leader-elect", "--no-events", "--watch-without-class", "--publish-node-addresses"]) {
      assert.match(stdout, new RegExp(`^ +${shown} `, "m"), shown);
    }
    assert.doesNotMatch(stdout, /--leader-elect |--no-watch-without-class/);
  });

  it("is shown where no command is given, with exit code 2", async (context) => {
    const { code, stdout, stderr } = await runPenstock(context, []);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^Usage: penstock COMMAND/);
  });
});

describe("version", { concurrency: 2 }, () => {
  it("names Penstock and Node", async (context) => {
    const { code, stdout } = await runPenstock(context, ["version"]);
    assert.equal(code, 0);
    assert.equal(stdout, `penstock ${version}\nnode ${process.versions.node}\n`);
  });

  it("is also a flag", async (context) => {
    const { code, stdout } = await runPenstock(context, ["--version"]);
    assert.deepEqual([code, stdout], [0, `${version}\n`]);
  });

  it("of Node is too old: one line before anything else is loaded", async (context) => {
    const older = `data:text/javascript,${encodeURIComponent(
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "24.9.0" } })',
    )}`;
    const { code, stdout, stderr } = await runPenstock(context, ["version"], { execArgv: ["--import", older] });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^penstock: needs Node\.js 26 or newer, and this is 24\.9\.0: .*\n$/);
  });
});

describe("wrong usage", { concurrency: 2 }, () => {
  const cases: readonly (readonly [title: string, args: readonly string[], line: RegExp])[] = [
    [
      "an unknown flag",
      ["serve", "--htpp", ":80"],
      /^penstock serve: unknown option '--htpp' \(did you mean --http\?\); see 'penstock serve --help'$/,
    ],
    [
      "an unknown command",
      ["srve"],
      /^penstock: unknown command 'srve' \(did you mean serve\?\); see 'penstock --help'$/,
    ],
    ["a flag without its value", ["serve", "--http"], /^penstock serve: option '--http .*' argument missing; see /],
    ["a missing argument", ["check"], /^penstock check: missing required argument 'PATH'; see /],
    ["an argument too many", ["demo", "now"], /^penstock demo: too many arguments.*; see /],
    [
      "a wrong address",
      ["serve", "--from", ".", "--http", "8080"],
      /^penstock: --http: "8080" has no colon: write :8080 for every address; see 'penstock serve --help'$/,
    ],
    ["no manifests", ["serve"], /^penstock: no manifests are given: write for example --from \.\/manifests; see /],
    ["no upstream", ["proxy"], /^penstock: no upstream is given: write for example --to http:\/\/127\.0\.0\.1:3000; /],
    [
      "an upstream that is no URL",
      ["proxy", "--to", "127.0.0.1:1"],
      /^penstock: --to: "127\.0\.0\.1:1" is not an http/,
    ],
    [
      "upstreams that all have weight 0",
      ["proxy", "--to", "http://127.0.0.1:1=0"],
      /^penstock: --to: every weight is 0: /,
    ],
    ["an unknown format", ["check", ".", "--format", "xml"], /^penstock check: .*'xml' is invalid.*text, json.*; see /],
    ["a request without a URL", ["explain", "--from", ".", "GET"], /^penstock: .*is not a.*; see 'penstock explain/],
    [
      "a header without a name",
      ["explain", "--from", ".", "-H", "x", "GET http://a/"],
      /^penstock: "x" is not a header/,
    ],
  ];
  for (const [title, args, line] of cases) {
    it(`such as ${title} is told in one line`, async (context) => {
      const { code, stdout, stderr } = await runPenstock(context, args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /^[^\n]+\n$/, "one line");
      assert.match(stderr.trimEnd(), line);
    });
  }

  it("is told with all its mistakes at once, whichever source they stand in", async (context) => {
    const folder = await createFolder(context, { "penstock.yaml": "workers: many\nhtps: :80\n" });
    const args = ["serve", "--from", ".", "--http", ":x", "--config", "penstock.yaml"];
    const { code, stderr } = await runPenstock(context, args, { cwd: folder, env: { PENSTOCK_ADMIN: "here" } });
    assert.equal(code, 2);
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, 4, stderr);
    assert.ok(lines.some((one) => one.startsWith("penstock: penstock.yaml:1: workers: ")));
    assert.ok(lines.some((one) => one.startsWith("penstock: --http: ")));
    assert.ok(lines.some((one) => one.startsWith("penstock: PENSTOCK_ADMIN: ")));
    assert.ok(
      lines.some((one) => one.startsWith("penstock: penstock.yaml:2: htps: is not a setting (did you mean http")),
    );
  });

  it("shows a stack trace to those who ask for it only", async (context) => {
    const args = ["check", "/nowhere/at/all"];
    assert.doesNotMatch((await runPenstock(context, args)).stderr, /\n {4}at /);
    const { code, stderr } = await runPenstock(context, args, { env: { PENSTOCK_DEBUG: "1" } });
    assert.equal(code, 1);
    assert.match(stderr, /\n {4}at /);
  });

  it("of the configuration file is told with its line", async (context) => {
    const folder = await createFolder(context, { "penstock.yaml": "# ours\nworkers:\n  many: yes\n" });
    const { code, stderr } = await runPenstock(context, ["serve", "--config", "penstock.yaml"], { cwd: folder });
    assert.equal(code, 2);
    assert.match(stderr, /^penstock: penstock\.yaml:2: workers: must be N: write for example workers: 4\n$/);
  });
});
