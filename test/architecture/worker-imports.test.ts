import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { serialize } from "node:v8";
import { Worker } from "node:worker_threads";
import { createSelfSignedCertificate } from "../../src/dataplane/self-signed-certificate.ts";
import type { FromWorker, PostedToWorker, SnapshotPart, WorkerSettings } from "../../src/dataplane/protocol.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const WORKER = new URL("../../src/ingress/worker.ts", import.meta.url);
const RECORDER = new URL("./record-modules.ts", import.meta.url);

/** Every package that a worker may load: none, for each one costs its memory and start-up time once a core. */
const ALLOWED_PACKAGES: readonly string[] = [];
/** The parts of the source that belong to a worker. */
const ALLOWED_SOURCES = /^src\/(?:ingress|engine|ir|lib|telemetry)\//;

const SETTINGS: WorkerSettings = {
  workerId: 0,
  listeners: [
    { name: "http", host: "127.0.0.1", port: 0, tls: false },
    { name: "https", host: "127.0.0.1", port: 0, tls: true },
  ],
  limits: {
    maxConnections: 100,
    headerTimeoutMs: 10_000,
    keepAliveTimeoutMs: 75_000,
    maxKeepAliveRequests: 100,
    maxHeaderCount: 100,
    maxHeaderBytes: 32_768,
    maxRequestLineBytes: 8_192,
    minBodyRate: 100,
    maxConcurrentStreams: 128,
  },
  trustedProxies: ["10.0.0.0/8"],
  fallbackCertificate: createSelfSignedCertificate({
    commonName: "test",
    dnsName: "penstock.invalid",
    validFrom: new Date(Date.now() - 86_400_000),
    validTo: new Date(Date.now() + 86_400_000),
  }),
  ticketKeys: new Uint8Array(48),
  accessLog: "json",
};

/** A snapshot with nothing in it, in its one part. */
const FIRST_SNAPSHOT: PostedToWorker = {
  type: "snapshot-part",
  generation: 1,
  index: 0,
  isLast: true,
  basis: "nothing",
  bytes: shared(serialize({ pieces: [], defaultCertificate: null } satisfies SnapshotPart)),
};

function shared(bytes: Uint8Array): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(bytes.byteLength);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

/** The next message of a type; passes over all others. */
async function receive<Type extends FromWorker["type"]>(
  worker: Worker,
  type: Type,
): Promise<Extract<FromWorker, { readonly type: Type }>> {
  for (;;) {
    const [message] = (await once(worker, "message")) as [FromWorker];
    if (message.type === type) return message as Extract<FromWorker, { readonly type: Type }>;
  }
}

function send(worker: Worker, message: PostedToWorker): void {
  worker.postMessage(message);
}

/** Starts a worker as the supervisor does, lets it serve a request, and says which modules it loaded. */
async function recordWorkerModules(folder: string): Promise<readonly string[]> {
  const record = path.join(folder, "modules.txt");
  const worker = new Worker(WORKER, {
    workerData: SETTINGS,
    execArgv: ["--import", RECORDER.href],
    env: { ...process.env, RECORD_MODULES_TO: record },
  });
  const { ports } = await receive(worker, "listening");
  send(worker, FIRST_SNAPSHOT);
  await receive(worker, "ack");
  const request = http.get({ host: "127.0.0.1", port: ports[0], agent: false });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  assert.equal(response.statusCode, 404);
  await response.resume().toArray();
  send(worker, { type: "drain", graceMs: 1_000 });
  await receive(worker, "drained");
  await worker.terminate();
  return readFileSync(record, "utf8").trim().split("\n");
}

test("a worker loads neither the Kubernetes client nor anything else that it does not need", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "penstock-worker-imports-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = (await recordWorkerModules(folder))
    .filter((url) => url.startsWith("file:"))
    .map((url) => path.relative(ROOT, fileURLToPath(url)).split(path.sep).join("/"));

  const sources = files.filter((file) => file.startsWith("src/"));
  assert.ok(sources.includes("src/ingress/worker.ts"), "the worker's own module was seen");
  assert.ok(sources.includes("src/engine/proxy/exchange.ts"), "modules that it imports were seen");
  assert.ok(sources.length > 30, `only ${sources.length} modules were seen`);
  assert.deepEqual(
    sources.filter((file) => !ALLOWED_SOURCES.test(file)),
    [],
  );

  const packages = files
    .filter((file) => file.includes("node_modules/"))
    .map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file);
  assert.deepEqual(
    Array.from(new Set(packages)).filter((name) => !ALLOWED_PACKAGES.includes(name)),
    [],
  );
});
