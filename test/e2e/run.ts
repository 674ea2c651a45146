// `npm run e2e`: finds or makes a cluster, installs the chart once, runs the tests of this folder against it, prints times.
// Knows which programs are needed and how to get them; what a test may use is in support/.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import type { Release } from "./support/release.ts";
import { CommandError, runCommand, runShell } from "./support/run-command.ts";

const USAGE = `usage: npm run e2e [-- [--concurrency N] [--keep] [--grep TEXT] [FILE...]]
  FILE...           tests to run; default: all of test/e2e
  --concurrency N   test files at the same time; default 4. Files named *.serial.test.ts always run alone, at the end
  --keep            leave the release (and a cluster made by kind) as they are, for the next run
  --grep TEXT       only tests whose name has it
Environment: KUBECONFIG, E2E_IMAGE, E2E_LOAD_COMMAND, and more; see test/e2e/README.md`;

const ROOT = resolve(import.meta.dirname, "../..");
const KIND_CLUSTER = "penstock";
const TEST_TIMEOUT_MS = 600_000;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    concurrency: { type: "string", default: "4" },
    keep: { type: "boolean", default: false },
    grep: { type: "string", default: "" },
    help: { type: "boolean", short: "h", default: false },
  },
});

/** What the user can mend: one line, exit code 1. */
class SetupError extends Error {}

/** Undone in reverse order at the end, whatever happened. */
const cleanups: { readonly what: string; readonly undo: () => Promise<void> | void }[] = [];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function timed<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const begunAt = performance.now();
  const result = await work();
  say(`e2e: ${what}: ${((performance.now() - begunAt) / 1000).toFixed(1)} s`);
  return result;
}

async function hasProgram(program: string, args: readonly string[]): Promise<boolean> {
  try {
    await runCommand(program, args, { timeoutMs: 30_000 });
    return true;
  } catch {
    return false;
  }
}

interface NeededProgram {
  readonly program: string;
  /** Arguments with which it answers quickly, and succeeds only where it is of use. */
  readonly probe: readonly string[];
  readonly howToGetIt: string;
  /** Only where no cluster is given. */
  readonly isForKind?: boolean;
}

const NEEDED_PROGRAMS: readonly NeededProgram[] = [
  { program: "kubectl", probe: ["version", "--client"], howToGetIt: "https://kubernetes.io/docs/tasks/tools/" },
  { program: "helm", probe: ["version"], howToGetIt: "https://helm.sh/docs/intro/install/" },
  {
    program: "docker",
    probe: ["info"],
    howToGetIt: "https://docs.docker.com/engine/install/, and start it",
    isForKind: true,
  },
  {
    program: "kind",
    probe: ["version"],
    howToGetIt: "https://kind.sigs.k8s.io/docs/user/quick-start/",
    isForKind: true,
  },
];

async function requirePrograms(): Promise<void> {
  const hasCluster = (process.env["KUBECONFIG"] ?? "") !== "";
  const needed = NEEDED_PROGRAMS.filter(({ isForKind = false }) => !isForKind || !hasCluster);
  const areThere = await Promise.all(needed.map(({ program, probe }) => hasProgram(program, probe)));
  const missing = needed.filter((_, index) => areThere[index] === false);
  if (missing.length === 0) return;
  const list = missing.map(({ program, howToGetIt }) => `  ${program}: ${howToGetIt}`).join("\n");
  const choice = hasCluster
    ? ""
    : "\nor set KUBECONFIG to a cluster that the suite may use (it installs and removes a release)";
  throw new SetupError(`these programs are missing or do not work:\n${list}${choice}`);
}

/** Cluster and image. Afterwards KUBECONFIG is set, and every node has E2E_IMAGE. */
async function prepareCluster(): Promise<void> {
  const given = process.env["E2E_IMAGE"] ?? "";
  const image = given === "" ? "penstock:test" : given;
  process.env["E2E_IMAGE"] = image;
  if ((process.env["KUBECONFIG"] ?? "") !== "") {
    const loadCommand = process.env["E2E_LOAD_COMMAND"] ?? "";
    if (loadCommand !== "") await timed(`load ${image}`, () => runShell(loadCommand, { timeoutMs: 900_000 }));
    return;
  }
  process.env["KUBECONFIG"] = await makeKindCluster();
  // kind brings no load balancer; node ports are reached at the nodes' own addresses.
  process.env["E2E_SERVICE_TYPE"] ??= "NodePort";
  // An image of our own name is built each time: what was built before the last change is not what is to be tested.
  if (given === "" || !(await hasProgram("docker", ["image", "inspect", image]))) {
    await timed(`docker build ${image}`, () =>
      runCommand("docker", ["build", "--tag", image, ROOT], { timeoutMs: 1_200_000 }),
    );
  }
  await timed(`kind load ${image}`, () =>
    runCommand("kind", ["load", "docker-image", image, "--name", KIND_CLUSTER], { timeoutMs: 300_000 }),
  );
}

/**
 * Makes the kind cluster, or takes the one that a run with --keep left. The user's own kubeconfig and its current context
 * stay as they are. Answers a kubeconfig that goes with this run.
 */
async function makeKindCluster(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "penstock-e2e-"));
  cleanups.push({ what: "remove the kubeconfig", undo: () => rmSync(folder, { recursive: true, force: true }) });
  const kubeconfig = join(folder, "kubeconfig");
  const names = ["--name", KIND_CLUSTER, "--kubeconfig", kubeconfig];
  const clusters = (await runCommand("kind", ["get", "clusters"])).split("\n");
  if (clusters.includes(KIND_CLUSTER)) {
    await runCommand("kind", ["export", "kubeconfig", ...names]);
    return kubeconfig;
  }
  if (flags.keep) {
    say(`e2e: the cluster stays; for kubectl: kind export kubeconfig --name ${KIND_CLUSTER}`);
  } else {
    const undo = async (): Promise<void> => void (await runCommand("kind", ["delete", "cluster", ...names]));
    cleanups.push({ what: "delete the kind cluster", undo });
  }
  const config = join(ROOT, "kind-config.yaml");
  await timed("kind create cluster", () =>
    runCommand("kind", ["create", "cluster", ...names, "--config", config, "--wait", "120s"], { timeoutMs: 600_000 }),
  );
  return kubeconfig;
}

/** The way to the API server for this process and all tests. It has the administrator's rights: a socket for us alone. */
async function startApiProxy(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "penstock-e2e-"));
  const socket = join(folder, "api");
  const proxy: ChildProcess = spawn("kubectl", ["proxy", "--unix-socket", socket], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  cleanups.push({
    what: "end kubectl proxy",
    undo: () => {
      proxy.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  });
  let complaint = "";
  proxy.stderr?.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const answer: unknown[] = await Promise.race([
    once(proxy.stdout ?? proxy, "data"),
    once(proxy, "exit").then(() => []),
  ]);
  if (answer.length === 0) throw new SetupError(`kubectl proxy ended: ${complaint.trim()}`);
  process.env["E2E_API_SOCKET"] = socket;
}

/** The release that the tests share: two replicas, a default certificate, the definitions of our kinds. */
async function installSharedRelease(): Promise<void> {
  const { DEFAULT_CERTIFICATE_SECRET, SHARED_RELEASE, installRelease, targetOf, uninstallRelease } =
    await import("./support/release.ts");
  const { applyObject } = await import("./support/api.ts");
  const { tlsSecret } = await import("./support/namespace.ts");
  const { createTestCertificate } = await import("../support/certificates.ts");
  const release: Release = SHARED_RELEASE;
  await removeLeftovers();
  if (!flags.keep) {
    cleanups.push({ what: "uninstall the shared release", undo: () => uninstallRelease(release) });
  }
  const namespace = release.namespace;
  await applyObject({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const secret = tlsSecret(
    DEFAULT_CERTIFICATE_SECRET,
    createTestCertificate({ commonName: "default", dnsNames: ["*.default.penstock.example"] }),
  );
  await applyObject({ ...secret, metadata: { ...secret.metadata, namespace } });
  await timed("helm install of the shared release", () =>
    installRelease(release, {
      replicaCount: 2,
      crds: { install: true },
      defaultCertificate: `${namespace}/${DEFAULT_CERTIFICATE_SECRET}`,
    }),
  );
  const target = await targetOf(release);
  say(`e2e: the shared release is at ${target.address}, ports ${target.httpPort} and ${target.httpsPort}`);
}

/** Namespaces of tests of an earlier run that was ended. */
async function removeLeftovers(): Promise<void> {
  const { deleteObject, listObjects, referenceTo } = await import("./support/api.ts");
  const { SUITE_LABEL } = await import("./support/settings.ts");
  const reference = { apiVersion: "v1", kind: "Namespace" };
  for (const namespace of await listObjects({ ...reference, labelSelector: `${SUITE_LABEL}=test` })) {
    await deleteObject(referenceTo({ ...namespace, ...reference }));
  }
}

/** @returns the files in which a test failed. */
async function runTests(files: readonly string[], concurrency: number): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const stream = run({
    files: files.map((file) => resolve(ROOT, file)),
    concurrency,
    timeout: TEST_TIMEOUT_MS,
    // Types are stripped by a function that is still called experimental. Load that a failed test left running ends with it.
    execArgv: ["--disable-warning=ExperimentalWarning", "--test-force-exit"],
    ...(flags.grep === "" ? {} : { testNamePatterns: [flags.grep] }),
  });
  const failed = new Set<string>();
  stream.on("test:fail", ({ file }) => failed.add(file === undefined ? "" : relative(ROOT, file)));
  const report = stream.compose(spec());
  report.pipe(process.stdout, { end: false });
  await once(report, "end");
  // A file that cannot be told is no reason to run less.
  return failed.has("") ? files : files.filter((file) => failed.has(file));
}

function findTests(): readonly string[] {
  const files = positionals.length > 0 ? positionals : globSync("test/e2e/*/**/*.test.ts", { cwd: ROOT });
  const missing = files.filter((file) => !existsSync(resolve(ROOT, file)));
  if (missing.length > 0) throw new SetupError(`there is no ${missing.join(", ")}`);
  if (files.length === 0) throw new SetupError("there are no tests in test/e2e");
  return files.map((file) => relative(ROOT, resolve(ROOT, file))).toSorted();
}

async function main(): Promise<boolean> {
  const files = findTests();
  const alone = files.filter((file) => file.endsWith(".serial.test.ts"));
  await requirePrograms();
  await timed("cluster and image", prepareCluster);
  await startApiProxy();
  await installSharedRelease();
  const together = files.filter((file) => !alone.includes(file));
  const failed = [
    ...(await timed("tests side by side", () => runTests(together, Number(flags.concurrency)))),
    ...(await timed("tests that run alone", () => runTests(alone, 1))),
  ];
  return failed.length === 0 || (await runAgain(failed));
}

/**
 * Gives failed files a second run, each alone: a machine that stalls for seconds fails what measures traffic. What then
 * passes is named, so that nobody takes it for a clean run.
 */
async function runAgain(files: readonly string[]): Promise<boolean> {
  complain(`e2e: failed, and run again alone: ${files.join(", ")}`);
  const failed = await timed("second run of what failed", () => runTests(files, 1));
  const flaky = files.filter((file) => !failed.includes(file));
  if (flaky.length > 0) complain(`e2e: passed in the second run only: ${flaky.join(", ")}`);
  return failed.length === 0;
}

if (flags.help) {
  say(USAGE);
} else {
  process.exitCode = 1;
  try {
    if (await timed("everything", main)) process.exitCode = 0;
  } catch (error) {
    if (!(error instanceof SetupError || error instanceof CommandError)) throw error;
    complain(`e2e: ${error.message}`);
  } finally {
    for (const { what, undo } of cleanups.toReversed()) {
      try {
        await undo();
      } catch (error) {
        complain(`e2e: ${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
