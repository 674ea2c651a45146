// What `npm run e2e` does before there is a cluster, with programs in place of kind, docker, kubectl and helm that write down
// what they are asked. Their flags are those that the real ones document; they refuse any other.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parse } from "yaml";

const ROOT = resolve(import.meta.dirname, "../..");

/**
 * Each program's commands with how many arguments they take and their flags with values; from kind v0.31's `--help`, and
 * docker's and kubectl's references.
 */
const COMMANDS = {
  "kind version": [0, []],
  "kind get clusters": [0, []],
  "kind create cluster": [0, ["--config", "--image", "--kubeconfig", "--name", "--wait"]],
  "kind export kubeconfig": [0, ["--kubeconfig", "--name"]],
  "kind load docker-image": [1, ["--name", "--nodes"]],
  "kind delete cluster": [0, ["--kubeconfig", "--name"]],
  "docker info": [0, ["--format"]],
  "docker image inspect": [1, ["--format"]],
  "docker build": [1, ["--tag", "--file", "--platform"]],
  "kubectl version --client": [0, []],
  "kubectl proxy": [0, ["--unix-socket"]],
  "helm version": [0, []],
} as const satisfies Readonly<Record<string, readonly [number, readonly string[]]>>;

interface World {
  /** Clusters that kind has. */
  readonly clusters?: readonly string[];
  /** Images that docker has. */
  readonly images?: readonly string[];
  /** Programs that are there; default all. */
  readonly programs?: readonly string[];
  /** A command that fails, and what it says. */
  readonly failing?: string;
}

/** One program for all names. It ends with 64 where the real one would not understand what it is asked. */
function programFor(world: World, log: string): string {
  return `#!${process.execPath}
const { appendFileSync, existsSync } = require("node:fs");
const { basename } = require("node:path");
const world = ${JSON.stringify(world)};
const words = [basename(process.argv[1]), ...process.argv.slice(2)];
appendFileSync(${JSON.stringify(log)}, JSON.stringify(words) + "\\n");
const fail = (code, text) => { process.stderr.write(text + "\\n"); process.exit(code); };
const commands = ${JSON.stringify(COMMANDS)};
const line = words.join(" ");
const command = Object.keys(commands).find((name) => line === name || line.startsWith(name + " "));
if (command === undefined) fail(64, "unknown command: " + line);
const [count, flags] = commands[command];
const rest = words.slice(command.split(" ").length);
const values = new Map();
const positional = [];
while (rest.length > 0) {
  const word = rest.shift();
  if (!word.startsWith("-")) positional.push(word);
  else if (flags.includes(word) && rest.length > 0) values.set(word, rest.shift());
  else fail(64, "unknown flag: " + word);
}
if (positional.length !== count) fail(64, command + " takes " + count + " arguments");
if (command === world.failing) fail(1, command + " fails");
if (command === "kind get clusters") {
  if (world.clusters.length === 0) process.stderr.write("No kind clusters found.\\n");
  else process.stdout.write(world.clusters.join("\\n") + "\\n");
}
if (values.has("--config") && !existsSync(values.get("--config"))) fail(1, "there is no config");
if (command === "docker image inspect" && !world.images.includes(positional[0])) fail(1, "no such image");
if (command === "kubectl proxy") fail(1, "the cluster is not real");
`;
}

interface Outcome {
  readonly code: number | null;
  readonly said: string;
  /** What programs were asked, in order, without the probes. */
  readonly asked: readonly string[];
}

async function runSuite(t: TestContext, world: World, options: RunOptions = {}): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "penstock-e2e-runner-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [log, program] = [join(folder, "log"), join(folder, "program.cjs")];
  await writeFile(log, "");
  await writeFile(program, programFor({ clusters: [], images: [], ...world }, log));
  await chmod(program, 0o755);
  const programs = world.programs ?? ["kind", "docker", "kubectl", "helm"];
  await Promise.all(programs.map((name) => symlink(program, join(folder, name))));
  await symlink("/bin/bash", join(folder, "bash"));
  const flags = ["--disable-warning=ExperimentalWarning", resolve(ROOT, "test/e2e/run.ts"), ...(options.args ?? [])];
  const child = spawn(process.execPath, flags, {
    env: { PATH: folder, TMPDIR: folder, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  const code = await new Promise<number | null>((done, reject) => {
    child.once("error", reject).once("close", done);
  });
  // Probes are asked at the same time, in any order.
  const probes = ["kind version", "docker info", "helm version", "kubectl version --client"];
  const asked = (await readFile(log, "utf8"))
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as readonly string[]).join(" ").replaceAll(/\S*\/penstock-e2e-\w+\//g, "TEMP/"))
    .filter((line) => !probes.includes(line));
  return { code, said: said.replaceAll(folder, "FOLDER"), asked };
}

interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const CREATE = `kind create cluster --name penstock --kubeconfig TEMP/kubeconfig --config ${ROOT}/kind-config.yaml --wait 120s`;
const EXPORT = "kind export kubeconfig --name penstock --kubeconfig TEMP/kubeconfig";
const DELETE = "kind delete cluster --name penstock --kubeconfig TEMP/kubeconfig";
const LOAD = "kind load docker-image penstock:test --name penstock";
const BUILD = `docker build --tag penstock:test ${ROOT}`;
// What comes after a cluster is there cannot be had without one.
const PROXY = "kubectl proxy --unix-socket TEMP/api";

test("without a cluster and without programs it says what is missing and how to get it, asks nothing, and fails", async (t) => {
  const { code, said, asked } = await runSuite(t, { programs: ["kubectl", "helm"] });
  assert.equal(code, 1);
  assert.deepEqual(asked, []);
  assert.match(said, /missing or do not work:\n {2}docker: https:\S+.*\n {2}kind: https:\S+\nor set KUBECONFIG/);
  assert.doesNotMatch(said, /kubectl: https|helm: https|\n\s+at /);
});

test("docker that is there but does not answer is named as well", async (t) => {
  const { code, said, asked } = await runSuite(t, { failing: "docker info" });
  assert.equal(code, 1);
  assert.deepEqual(asked, []);
  assert.match(said, /docker: https:\S+, and start it/);
});

test("with a cluster neither kind nor docker is needed, and the image is loaded by the command that is given", async (t) => {
  const world = { programs: ["kubectl", "helm"] };
  const env = { KUBECONFIG: "/nowhere", E2E_LOAD_COMMAND: 'kubectl load "$E2E_IMAGE"', E2E_IMAGE: "shop/penstock:1" };
  const { code, said, asked } = await runSuite(t, world, { env });
  assert.equal(code, 1);
  assert.deepEqual(asked, ["kubectl load shop/penstock:1"]);
  assert.match(said, /unknown command: kubectl load/);
  const withoutCommand = await runSuite(t, world, { env: { KUBECONFIG: "/nowhere" } });
  assert.deepEqual(withoutCommand.asked, [PROXY]);
  assert.match(withoutCommand.said, /kubectl proxy ended: the cluster is not real/);
});

test("a kind cluster is made, given a fresh image, and deleted, and the user's own kubeconfig is left alone", async (t) => {
  const { code, said, asked } = await runSuite(t, { images: ["penstock:test"] });
  assert.equal(code, 1);
  assert.deepEqual(asked, ["kind get clusters", CREATE, BUILD, LOAD, PROXY, DELETE]);
  assert.match(said, /e2e: kind create cluster: \d/);
});

test("an image that is given is not built where docker has it, and is where it has none", async (t) => {
  const env = { E2E_IMAGE: "penstock:dev" };
  const load = "kind load docker-image penstock:dev --name penstock";
  const there = await runSuite(t, { clusters: ["other"], images: ["penstock:dev"] }, { env });
  assert.deepEqual(there.asked, [
    "kind get clusters",
    CREATE,
    "docker image inspect penstock:dev",
    load,
    PROXY,
    DELETE,
  ]);
  const missing = await runSuite(t, {}, { env });
  assert.deepEqual(missing.asked.slice(2, 5), [
    "docker image inspect penstock:dev",
    `docker build --tag penstock:dev ${ROOT}`,
    load,
  ]);
});

test("a cluster that was kept is used again and not deleted, and with --keep a new one stays", async (t) => {
  const again = await runSuite(t, { clusters: ["other", "penstock"] });
  assert.deepEqual(again.asked, ["kind get clusters", EXPORT, BUILD, LOAD, PROXY]);
  const kept = await runSuite(t, {}, { args: ["--keep"] });
  assert.deepEqual(kept.asked, ["kind get clusters", CREATE, BUILD, LOAD, PROXY]);
  assert.match(kept.said, /kind export kubeconfig --name penstock/);
});

for (const [failing, asked] of [
  ["kind create cluster", ["kind get clusters", CREATE, DELETE]],
  ["docker build", ["kind get clusters", CREATE, BUILD, DELETE]],
  ["kind load docker-image", ["kind get clusters", CREATE, BUILD, LOAD, DELETE]],
] as const) {
  test(`where ${failing} fails, it says so in its words, and what was made is deleted`, async (t) => {
    const outcome = await runSuite(t, { failing });
    assert.equal(outcome.code, 1);
    assert.deepEqual(outcome.asked, asked);
    assert.ok(outcome.said.includes(`${failing} fails`), outcome.said);
    assert.doesNotMatch(outcome.said, /\n\s+at /);
  });
}

test("the cluster of kind-config.yaml has the name that is asked for, and workers in two zones", async () => {
  const config = parse(await readFile(join(ROOT, "kind-config.yaml"), "utf8")) as {
    readonly kind: string;
    readonly name: string;
    readonly nodes: readonly { readonly role: string; readonly labels: Readonly<Record<string, string>> }[];
  };
  assert.deepEqual([config.kind, config.name], ["Cluster", "penstock"]);
  const zones = config.nodes
    .filter(({ role }) => role === "worker")
    .map(({ labels }) => labels["topology.kubernetes.io/zone"]);
  assert.deepEqual(new Set(zones), new Set(["zone-1", "zone-2"]));
});
