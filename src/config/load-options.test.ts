// Which source wins, and how mistakes in each of them read.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { loadOptions } from "./load-options.ts";
import type { OptionSources } from "./load-options.ts";
import type { Options } from "./options.ts";
import type { RawSettings } from "./raw-settings.ts";
import type { SettingKey } from "./settings.ts";

function sources(changes: Partial<OptionSources>): OptionSources {
  return {
    command: "serve",
    flags: new Map(),
    environment: {},
    configFile: null,
    machine: { parallelism: 6 },
    ...changes,
  };
}

function flags(settings: Partial<Record<SettingKey, readonly string[]>>): RawSettings {
  const entries = Object.entries(settings) as [SettingKey, readonly string[]][];
  return new Map(entries.map(([key, texts]) => [key, { texts, origin: `--${key}` }]));
}

async function load(changes: Partial<OptionSources>): Promise<Options> {
  const loaded = await loadOptions(sources(changes));
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.problems.join("\n"));
  return loaded.options;
}

async function problemsOf(changes: Partial<OptionSources>): Promise<readonly string[]> {
  const loaded = await loadOptions(sources(changes));
  assert.ok(!loaded.ok, "no problem was found");
  return loaded.problems;
}

async function configFile(context: TestContext, content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "penstock-config-"));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "penstock.yaml");
  await writeFile(path, content);
  return path;
}

describe("options", () => {
  it("have the documented defaults", async () => {
    const options = await load({});
    assert.deepEqual(options.http, [{ host: "::", port: 8080 }]);
    assert.deepEqual(options.https, [{ host: "::", port: 8443 }]);
    assert.deepEqual(options.admin, { host: "127.0.0.1", port: 10_254 });
    assert.equal(options.workers, 6);
    assert.equal(options.shutdownGraceMs, 30_000);
    assert.equal(options.watch, true);
    assert.equal(options.defaultCertificate, null);
    assert.deepEqual(options.limits, {
      maxConnections: 20_000,
      headerTimeoutMs: 10_000,
      keepAliveTimeoutMs: 75_000,
      maxKeepAliveRequests: 10_000,
      maxHeaderCount: 100,
      maxHeaderBytes: 32_768,
      maxRequestLineBytes: 8_192,
      minBodyRate: 100,
      maxConcurrentStreams: 128,
    });
  });

  it("come from flags before environment before file before defaults", async (context) => {
    const path = await configFile(context, "http: :3\nhttps: :3\nadmin: :3\n");
    const environment = { PENSTOCK_HTTP: ":2", PENSTOCK_HTTPS: ":2", PENSTOCK_CONFIG: path };
    const options = await load({ flags: flags({ http: [":1"] }), environment });
    assert.deepEqual(
      [options.http[0]?.port, options.https[0]?.port, options.admin?.port, options.workers],
      [1, 2, 3, 6],
    );
  });

  it("replace lists whole, they do not add up", async () => {
    const options = await load({ flags: flags({ http: [":1"] }), environment: { PENSTOCK_HTTP: ":2,:3" } });
    assert.deepEqual(options.http, [{ host: "::", port: 1 }]);
  });

  it("read lists from the environment at commas, and an empty variable as none", async () => {
    const options = await load({
      environment: { PENSTOCK_TRUSTED_PROXIES: "10.0.0.0/8, fd00::/8,", PENSTOCK_HTTP: "", PENSTOCK_LOG_LEVEL: " " },
    });
    assert.deepEqual(options.trustedProxies, ["10.0.0.0/8", "fd00::/8"]);
    assert.deepEqual(options.http, [{ host: "::", port: 8080 }]);
  });

  it("switch listeners off", async () => {
    const options = await load({ flags: flags({ https: ["off"], admin: ["off"] }) });
    assert.deepEqual([options.https, options.admin], [[], null]);
  });

  it("have other defaults for the quick proxy, which takes one port only", async () => {
    const options = await load({ command: "proxy" });
    assert.deepEqual([options.https, options.admin, options.workers], [[], null, 1]);
  });
});

describe("wrong values", () => {
  it("are all told at once, each with its place", async () => {
    const problems = await problemsOf({
      flags: flags({ http: ["8080"], workers: ["many"] }),
      environment: { PENSTOCK_ACCESS_LOG: "jsn" },
    });
    assert.equal(problems.length, 3);
    assert.match(problems[0] ?? "", /^--http: "8080" has no colon: write :8080/);
    assert.match(problems[1] ?? "", /^--workers: .* from 1 to 256, or auto$/);
    assert.match(problems[2] ?? "", /^PENSTOCK_ACCESS_LOG: .*did you mean json/);
  });

  it("are all told at once, whatever is wrong with them", async (context) => {
    const content =
      "htpp: :80\nworkers: 0\nlimits:\n  max-connections: none\n  max-strems: 5\nadmin: [1]\nhttps: nowhere\n";
    const problems = await problemsOf({
      configFile: await configFile(context, content),
      flags: flags({ workers: ["-1"] }),
    });
    const places = problems.map((problem) => /^.*?(--workers|:\d+: [a-z.-]+)/.exec(problem)?.[1] ?? problem);
    assert.deepEqual(places.toSorted(), [
      "--workers",
      ":1: htpp",
      ":2: workers",
      ":4: limits.max-connections",
      ":5: limits.max-strems",
      ":6: admin",
      ":7: https",
    ]);
  });

  it("of a file are told where its sections are none", async (context) => {
    const problems = await problemsOf({ configFile: await configFile(context, "limits: 5\nworkers: 0\n") });
    assert.equal(problems.length, 2, problems.join("\n"));
  });

  it("are problems even where another source wins", async () => {
    const problems = await problemsOf({ flags: flags({ workers: ["2"] }), environment: { PENSTOCK_WORKERS: "0" } });
    assert.match(problems[0] ?? "", /^PENSTOCK_WORKERS:/);
  });

  it("include one address for two listeners", async () => {
    const problems = await problemsOf({ flags: flags({ http: [":80"], https: [":80"] }) });
    assert.deepEqual(problems, ["the address :80 is given to both http and https: write another one, or off"]);
    await load({ flags: flags({ http: [":0"], https: [":0"], admin: ["127.0.0.1:0"] }) });
  });

  it("do not mix off with addresses", async () => {
    assert.match((await problemsOf({ flags: flags({ http: ["off", ":80"] }) }))[0] ?? "", /"off" stands alone/);
  });
});

describe("the configuration file", () => {
  it("sets lists, numbers, switches and limits", async (context) => {
    const path = await configFile(
      context,
      [
        'http: [":80", "[::1]:81"]',
        "workers: 3",
        "watch: false",
        "trusted-proxies:",
        "  - 10.0.0.0/8",
        "limits:",
        "  max-connections: 10",
        "  header-timeout: 5s",
        "  max-header-bytes: 16KiB",
      ].join("\n"),
    );
    const options = await load({ configFile: path });
    assert.deepEqual(options.http, [
      { host: "::", port: 80 },
      { host: "::1", port: 81 },
    ]);
    assert.deepEqual([options.workers, options.watch, options.trustedProxies], [3, false, ["10.0.0.0/8"]]);
    assert.equal(options.limits.maxConnections, 10);
    assert.equal(options.limits.headerTimeoutMs, 5_000);
    assert.equal(options.limits.maxHeaderBytes, 16_384);
    assert.equal(options.limits.maxHeaderCount, 100);
  });

  const cases: readonly (readonly [title: string, content: string, expected: readonly RegExp[]])[] = [
    [
      "an unknown key, with what was meant",
      "workers: 2\nhtp: :80\n",
      [/penstock\.yaml:2: htp: is not a setting \(did you mean http\?\)$/],
    ],
    [
      "an unknown key of a section",
      "limits:\n  max-connections: 1\n  max-conections: 4\n",
      [/yaml:3: limits\.max-conections: is not a setting \(did you mean limits\.max-connections\?\)$/],
    ],
    ["a key outside its section", "max-connections: 4\n", [/yaml:1: .*did you mean limits\.max-connections\?/]],
    [
      "a key written with a dot",
      "limits.header-timeout: 5s\n",
      [/yaml:1: limits\.header-timeout: is written as a section: "limits:", and "header-timeout:" indented/],
    ],
    ["a switch of the command line", "no-watch: true\n", [/yaml:1: no-watch: is not a setting: write "watch: false"$/]],
    ["a key like nothing known", "colour: red\n", [/yaml:1: colour: is not a setting$/]],
    ["a wrong type", "workers:\n  - 3\n", [/yaml:1: workers: must be N: write for example workers: 4$/]],
    ["an empty value", "# c\nadmin:\n", [/yaml:2: admin: must be ADDR: write for example admin: 127\.0\.0\.1:10254$/]],
    ["a word for a switch", "watch: yes\n", [/yaml:1: watch: must be true or false/]],
    ["a value of the wrong form", "# c\n\nhttp:\n  - 8080\n", [/yaml:3: http: "8080" has no colon: write :8080/]],
    ["a number without its unit", "shutdown-grace: 30\n", [/yaml:1: shutdown-grace: "30" has no unit: write 30s/]],
    ["a list in place of a section", "limits: [1]\n", [/yaml:1: limits: must hold keys with values$/]],
    ["no map at all", "- http\n", [/yaml:1: must be keys with values, for example http: :8080$/]],
    ["broken YAML", "http: :80\nhttps: [1\n", [/yaml:\d+: is not valid YAML: /]],
    ["a key twice", "http: :80\nhttp: :81\n", [/yaml:2: is not valid YAML: Map keys must be unique$/]],
    ["mistakes in the order of their lines", "b1: 1\nc1: 2\nworkers: []\n", [/yaml:1: b1/, /yaml:2: c1/, /yaml:3: /]],
  ];
  for (const [title, content, expected] of cases) {
    it(`is refused for ${title}`, async (context) => {
      const problems = await problemsOf({ configFile: await configFile(context, content) });
      assert.equal(problems.length, expected.length, problems.join("\n"));
      for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? "", pattern);
    });
  }

  it("is refused where it is missing, a folder or huge", async (context) => {
    const path = await configFile(context, `# ${"x".repeat(1_048_576)}`);
    assert.match((await problemsOf({ configFile: path }))[0] ?? "", /larger than 1 MiB/);
    assert.match((await problemsOf({ configFile: `${path}.missing` }))[0] ?? "", /there is no such file/);
    assert.match((await problemsOf({ configFile: tmpdir() }))[0] ?? "", /is a folder/);
  });

  it("is bounded against aliases that multiply", async (context) => {
    const levels = Array.from({ length: 30 }, (_, level) => `l${level + 1}: &l${level + 1} [*l${level}, *l${level}]`);
    const path = await configFile(context, ["l0: &l0 [x]", ...levels].join("\n"));
    assert.match((await problemsOf({ configFile: path }))[0] ?? "", /too many YAML aliases/);
  });

  it("may be empty", async (context) => {
    assert.equal((await load({ configFile: await configFile(context, "# nothing\n") })).workers, 6);
  });
});

describe("the environment", () => {
  it("is warned about where a name is misspelt, not where Kubernetes set it", async () => {
    const environment = {
      PENSTOCK_HTPS: ":1",
      PENSTOCK_PORT: "tcp://10.0.0.1:80",
      PENSTOCK_SERVICE_HOST: "10.0.0.1",
      PENSTOCK_SERVICE_PORT_HTTP: "80",
      PENSTOCK_PORT_80_TCP_PROTO: "tcp",
      PENSTOCK_ADMIN_PORT: "tcp://10.0.0.2:80",
      PENSTOCK_DEBUG: "1",
    };
    const loaded = await loadOptions(sources({ environment }));
    assert.ok(loaded.ok);
    assert.deepEqual(loaded.warnings, [
      "the environment variable PENSTOCK_HTPS has no effect: did you mean PENSTOCK_HTTPS?",
    ]);
  });
});
