import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { secretBytes } from "../ir/secret-bytes.ts";
import { ListenError } from "../lib/listen-error.ts";
import type { AdminSources } from "./admin-server.ts";
import { AdminServer } from "./admin-server.ts";
import type { PublishedConfig } from "./config-dump.ts";
import { judgeReadiness } from "./readiness.ts";

suite("admin server", () => {
  test("healthz says that the process lives", async (t) => {
    const admin = await started(t);
    const response = await fetch(`${admin.url}/healthz`);
    assert.deepEqual([response.status, await response.text()], [200, "ok\n"]);
  });

  test("readyz follows the facts, and says why not", async (t) => {
    const facts = { isDraining: false, isSynced: false, isServing: false, servingWorkers: 0, expectedWorkers: 2 };
    let current = facts;
    const admin = await started(t, { readiness: () => judgeReadiness(current) });
    const answers: string[] = [];
    for (const change of [
      {},
      { isSynced: true, servingWorkers: 1 },
      { isSynced: true, isServing: true, servingWorkers: 2 },
      { isSynced: true, isServing: true, servingWorkers: 1 },
      { isSynced: true, isServing: true, isDraining: true },
    ]) {
      current = { ...facts, ...change };
      const response = await fetch(`${admin.url}/readyz`);
      answers.push(`${response.status} ${await response.text()}`);
    }
    assert.deepEqual(answers, [
      "503 starting: the objects are not completely read yet\n",
      "503 1 of 2 workers serve the configuration\n",
      "200 ok\n",
      "200 ok\n",
      "503 draining: finishing the requests in flight\n",
    ]);
  });

  test("metrics are passed on with their type", async (t) => {
    const page = { contentType: "text/plain; version=0.0.4; charset=utf-8", body: "penstock_x 1\n" };
    const admin = await started(t, { metrics: () => Promise.resolve(page) });
    const response = await fetch(`${admin.url}/metrics?name[]=x`);
    assert.deepEqual([response.headers.get("content-type"), await response.text()], [page.contentType, page.body]);
  });

  test("config is the whole configuration without key material", async (t) => {
    const admin = await started(t, { config: () => config });
    const response = await fetch(`${admin.url}/config`);
    const text = await response.text();
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.doesNotMatch(text, /PRIVATE KEY|hush/);
    const { generation, certificates, upstreams, virtualHosts } = JSON.parse(text) as Record<string, unknown[]>;
    assert.equal(generation, 7);
    assert.deepEqual(virtualHosts, config.snapshot.routeTable.virtualHosts);
    assert.equal(upstreams?.length, 5_000);
    const { sha256 } = secretBytes(KEY);
    assert.deepEqual(certificates, [
      { id: "ns/tls", chainPem: "PEM", key: { sha256, bytes: "REDACTED" }, dnsNames: ["shop.example"] },
    ]);
  });

  test("before the first snapshot there is no configuration, and that is said", async (t) => {
    const admin = await started(t);
    const response = await fetch(`${admin.url}/config`);
    assert.equal(response.status, 503);
    assert.match(await response.text(), /no configuration yet/);
  });

  test("the generation of every worker", async (t) => {
    const workers = [{ workerId: 0, generation: 7 }];
    const admin = await started(t, { generation: () => 7, workers: () => workers });
    const response = await fetch(`${admin.url}/config/generation`);
    assert.deepEqual(await response.json(), { generation: 7, workers });
  });

  test("HEAD gets the head alone", async (t) => {
    const admin = await started(t, { config: () => config });
    for (const path of ["/healthz", "/config"]) {
      const response = await fetch(admin.url + path, { method: "HEAD" });
      assert.deepEqual([response.status, await response.text()], [200, ""]);
    }
  });

  test("unknown pages name those that exist; other methods are refused", async (t) => {
    const admin = await started(t);
    const unknown = await fetch(`${admin.url}/config/`);
    assert.equal(unknown.status, 404);
    assert.match(await unknown.text(), /\/healthz, \/readyz, \/metrics, \/config, \/config\/generation/);
    const refused = await fetch(`${admin.url}/config`, { method: "POST", body: "x" });
    assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
  });

  test("what comes through a proxy is refused: an upstream may be this very address", async (t) => {
    const admin = await started(t, { config: () => config });
    const response = await fetch(`${admin.url}/config`, { headers: { "X-Forwarded-For": "192.0.2.1" } });
    assert.equal(response.status, 403);
    assert.doesNotMatch(await response.text(), /routeTable/);
  });

  test("a page that fails is told of, and answers 500 without details", async (t) => {
    const admin = await started(t, { metrics: () => Promise.reject(new Error("the registry is broken")) });
    const response = await fetch(`${admin.url}/metrics`);
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /registry/);
    assert.deepEqual(admin.errors, ["/metrics: the registry is broken"]);
  });

  test("a client that goes away in the middle of a dump is not an error", async (t) => {
    const admin = await started(t, { config: () => config });
    const socket = connect({ host: "127.0.0.1", port: admin.port });
    socket.write("GET /config HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    assert.equal((await fetch(`${admin.url}/healthz`)).status, 200);
    await admin.server.close();
    assert.deepEqual(admin.errors, []);
  });

  test("a port in use is one clear line", async (t) => {
    const admin = await started(t);
    const second = new AdminServer({ host: "127.0.0.1", port: admin.port, sources, onError: () => {} });
    await assert.rejects(second.start(), (error: unknown) => {
      assert.ok(error instanceof ListenError);
      assert.match(error.message, /^cannot listen on 127\.0\.0\.1:\d+ \(admin\): the address is in use/);
      return true;
    });
  });
});

const KEY = Buffer.from("-----BEGIN PRIVATE KEY-----\nhush\n");

const config: PublishedConfig = {
  generation: 7,
  snapshot: {
    routeTable: { virtualHosts: [{ host: "shop.example", routes: [] }], tlsHosts: [] },
    upstreams: Array.from({ length: 5_000 }, (_, i) => ({
      id: `ns/service-${i}/80`,
      protocol: "http",
      tls: null,
      dnsName: null,
    })),
    certificates: [{ id: "ns/tls", chainPem: "PEM", key: secretBytes(KEY), dnsNames: ["shop.example"] }],
    defaultCertificate: null,
    endpoints: [],
  },
};

const sources: AdminSources = {
  readiness: () => ({ isReady: true, reason: "ok" }),
  metrics: () => Promise.resolve({ contentType: "text/plain", body: "" }),
  config: () => null,
  generation: () => 0,
  workers: () => [],
};

interface StartedAdmin {
  readonly server: AdminServer;
  readonly port: number;
  readonly url: string;
  readonly errors: string[];
}

async function started(t: TestContext, changes: Partial<AdminSources> = {}): Promise<StartedAdmin> {
  const errors: string[] = [];
  const server = new AdminServer({
    host: "127.0.0.1",
    port: 0,
    sources: { ...sources, ...changes },
    onError: (path, error) => errors.push(`${path}: ${error instanceof Error ? error.message : String(error)}`),
  });
  const port = await server.start();
  t.after(() => server.close());
  return { server, port, url: `http://127.0.0.1:${port}`, errors };
}
