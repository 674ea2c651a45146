// `penstock serve` from the start to the drain, with every mistake that a person can make on the way.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { createSelfSignedCertificate } from "../../../src/dataplane/self-signed-certificate.ts";
import { createFolder, runPenstock } from "../../support/penstock-process.ts";
import { localFlags, RunningProxy, manifestOf, startUpstream } from "../../support/running-proxy.ts";

/** The user `nobody` of Linux distributions. */
const NOBODY = 65_534;

function serve(context: TestContext, folder: string, ...flags: readonly string[]): Promise<RunningProxy> {
  return RunningProxy.start(context, ["serve", "--from", ".", ...localFlags(), ...flags], { cwd: folder });
}

async function helloUpstream(context: TestContext, text: string): Promise<number> {
  return startUpstream(context, (request, response) => {
    request.resume();
    response.end(text);
  });
}

describe("serve", { concurrency: 2 }, () => {
  it("serves manifests, says so, and is ready", async (context) => {
    const port = await helloUpstream(context, "hello");
    const folder = await createFolder(context, { "shop.yaml": manifestOf({ name: "shop", host: "shop.test", port }) });
    const proxy = await serve(context, folder);
    assert.match(proxy.process.stderr, /"message":"listening for http on 127\.0\.0\.1:\d+"/);
    assert.match(proxy.process.stderr, /"message":"serving 1 route of 1 host from \.: no errors"/);
    const served = await proxy.get("shop.test", "/cart?x=1");
    assert.deepEqual([served.status, served.body], [200, "hello"]);
    assert.equal((await proxy.get("other.test", "/")).status, 404);
    assert.deepEqual((await proxy.admin("/readyz")).status, 200);
    assert.match((await proxy.admin("/metrics")).body, /^penstock_config_generation 1$/m);
    const line = await proxy.process.waitForStdout(/^\{.*"path":"\/cart".*\}$/m);
    assert.equal((JSON.parse(line[0]) as { readonly status: number }).status, 200);
  });

  it("brings a changed file live without a restart", async (context) => {
    const [first, second] = [await helloUpstream(context, "one"), await helloUpstream(context, "two")];
    const folder = await createFolder(context, {
      "shop.yaml": manifestOf({ name: "shop", host: "shop.test", port: first }),
    });
    const proxy = await serve(context, folder);
    assert.equal((await proxy.get("shop.test", "/")).body, "one");
    await writeFile(join(folder, "news.yaml"), manifestOf({ name: "news", host: "news.test", port: second }));
    await proxy.waitForGeneration(2);
    assert.equal((await proxy.get("news.test", "/")).body, "two");
    assert.equal((await proxy.get("shop.test", "/")).body, "one");
    await rm(join(folder, "shop.yaml"));
    await proxy.waitForGeneration(3);
    assert.equal((await proxy.get("shop.test", "/")).status, 404);
  });

  it("does not look at files again with --no-watch", async (context) => {
    const port = await helloUpstream(context, "one");
    const folder = await createFolder(context, { "shop.yaml": manifestOf({ name: "shop", host: "shop.test", port }) });
    const proxy = await serve(context, folder, "--no-watch");
    await writeFile(join(folder, "shop.yaml"), "");
    // A start of another process takes longer than the watch would.
    assert.equal((await runPenstock(context, ["version"])).code, 0);
    assert.equal((await proxy.get("shop.test", "/")).status, 200);
    assert.match((await proxy.admin("/config/generation")).body, /"generation":1/);
  });

  it("keeps what was good when a file breaks, and names file and line", async (context) => {
    const port = await helloUpstream(context, "hello");
    const shop = manifestOf({ name: "shop", host: "shop.test", port });
    const folder = await createFolder(context, { "shop.yaml": shop });
    const proxy = await serve(context, folder);
    await writeFile(join(folder, "next.yaml"), `${shop}---\nkind: [\n`);
    await rename(join(folder, "next.yaml"), join(folder, "shop.yaml"));
    await proxy.process.waitForStderr(/"level":"error"[^\n]*shop\.yaml:2\d: error: /);
    assert.equal((await proxy.get("shop.test", "/")).body, "hello");
    await writeFile(join(folder, "shop.yaml"), shop);
    await proxy.process.waitForStderr(/"level":"info"[^\n]*resolved: [^\n]*shop\.yaml/);
  });

  it("serves the others where one manifest is broken from the start", async (context) => {
    const port = await helloUpstream(context, "hello");
    const folder = await createFolder(context, {
      "broken.yaml": "apiVersion: v1\nkind: Service\n  metadata: [\n",
      "shop.yaml": manifestOf({ name: "shop", host: "shop.test", port }),
    });
    const proxy = await serve(context, folder);
    assert.match(proxy.process.stderr, /"level":"error"[^\n]*broken\.yaml:[23]: error: /);
    assert.match(proxy.process.stderr, /serving 1 route of 1 host from \.: 1 error"/);
    assert.equal((await proxy.get("shop.test", "/")).body, "hello");
  });

  it("serves a host whose Secret holds a key of another certificate, and says so once", async (context) => {
    const port = await helloUpstream(context, "hello");
    const validity = { validFrom: new Date(Date.now() - 1_000), validTo: new Date(Date.now() + 3_600_000) };
    const [one, other] = [1, 2].map(() =>
      createSelfSignedCertificate({ ...validity, commonName: "shop", dnsName: "shop.test" }),
    );
    const base64 = (text = ""): string => Buffer.from(text).toString("base64");
    const secret = `
apiVersion: v1
kind: Secret
metadata: { name: shop-tls }
type: kubernetes.io/tls
data: { tls.crt: ${base64(one?.chainPem)}, tls.key: ${base64(other?.keyPem)} }
`;
    const folder = await createFolder(context, {
      "secret.yaml": secret,
      "shop.yaml": manifestOf({ name: "shop", host: "shop.test", port, secretName: "shop-tls" }),
    });
    const proxy = await serve(context, folder);
    const lines = proxy.process.stderr.split("\n").filter((line) => line.includes('"level":"error"'));
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0] ?? "", /Ingress default\/shop spec\.tls\[0\]|Secret default\/shop-tls/);
    assert.match(lines[0] ?? "", /"reason":"SecretInvalid"/);
    assert.equal((await proxy.get("shop.test", "/")).body, "hello");
    assert.doesNotMatch(proxy.process.stderr + (await proxy.admin("/config")).body, /PRIVATE KEY/);
  });
});

describe("workers", () => {
  it("of a running proxy make no code out of strings", async (context) => {
    const port = await helloUpstream(context, "hello");
    // Loaded into every thread before its own module, as `node --import` does.
    const probe = `
      import { isMainThread } from "node:worker_threads";
      let answer = "made code";
      try { new Function("return 1")(); } catch (error) { answer = error.constructor.name; }
      if (!isMainThread) process._rawDebug("worker: " + answer);
    `;
    const execArgv = ["--import", `data:text/javascript,${encodeURIComponent(probe)}`];
    const args = ["proxy", "--to", `http://127.0.0.1:${port}`, ...localFlags({ workers: "2" })];
    const proxy = await RunningProxy.start(context, args, { execArgv });
    assert.deepEqual(proxy.process.stderr.match(/^worker: .*$/gm), ["worker: EvalError", "worker: EvalError"]);
    assert.equal((await proxy.get("any.test", "/")).body, "hello");
  });
});

describe("serve that cannot start", { concurrency: 2 }, () => {
  it("names a folder that is not there, and ends with 1", async (context) => {
    const { code, stderr } = await runPenstock(context, ["serve", "--from", "/nowhere/at/all", ...localFlags()]);
    assert.equal(code, 1);
    assert.match(stderr, /^penstock: cannot read manifests from \/nowhere\/at\/all: [^\n]*\n$/);
  });

  it("names a folder that may not be read", async (context) => {
    const folder = await createFolder(context, { "locked/shop.yaml": "" });
    await chmod(folder, 0o755);
    const locked = join(folder, "locked");
    await chmod(locked, 0o000);
    // Root may read everything, so it runs as nobody then.
    const user = process.getuid?.() === 0 ? { uid: NOBODY } : {};
    const { code, stderr } = await runPenstock(context, ["serve", "--from", locked, ...localFlags()], user);
    await chmod(locked, 0o700);
    assert.equal(code, 1);
    assert.match(stderr, /^penstock: cannot read manifests from [^\n]*locked[^\n]*permissions\n$/);
  });

  for (const flag of ["http", "admin"]) {
    it(`names the address of --${flag} that is in use, and ends with 1`, async (context) => {
      const folder = await createFolder(context, { "empty.yaml": "" });
      const address = `127.0.0.1:${await occupyPort(context)}`;
      const args = ["serve", "--from", folder, ...localFlags({ [flag]: address })];
      const { code, stderr } = await runPenstock(context, args);
      assert.equal(code, 1);
      const problems = stderr.split("\n").filter((line) => line.startsWith("penstock: "));
      assert.equal(problems.length, 1, stderr);
      assert.ok(problems[0]?.startsWith(`penstock: cannot listen on ${address} (${flag}): the address is in use; `));
      assert.doesNotMatch(stderr, /\n {4}at /);
    });
  }

  it("does not share a port with another Penstock", async (context) => {
    const port = await helloUpstream(context, "hello");
    const folder = await createFolder(context, { "shop.yaml": manifestOf({ name: "shop", host: "shop.test", port }) });
    const proxy = await serve(context, folder);
    const args = [
      "serve",
      "--from",
      folder,
      "--http",
      `127.0.0.1:${proxy.httpPort}`,
      "--https",
      "off",
      "--admin",
      "off",
    ];
    const { code, stderr } = await runPenstock(context, args);
    assert.equal(code, 1);
    assert.match(stderr, /penstock: cannot listen on 127\.0\.0\.1:\d+ \(http\): the address is in use/);
    assert.equal((await proxy.get("shop.test", "/")).body, "hello");
  });
});

describe("a signal", { concurrency: 2 }, () => {
  /** A proxy with a request in flight, which the upstream answers when told to. */
  async function withRequestInFlight(context: TestContext, ...flags: readonly string[]) {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const port = await startUpstream(context, (request, response) => {
      request.resume();
      arrive();
      void released.then(() => response.end("late"));
    });
    const folder = await createFolder(context, { "shop.yaml": manifestOf({ name: "shop", host: "shop.test", port }) });
    const proxy = await serve(context, folder, ...flags);
    const answer = proxy.get("shop.test", "/");
    answer.catch(() => {});
    await arrived;
    return { proxy, answer, release };
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`${signal} lets requests in flight finish, refuses new ones, and ends with 0`, async (context) => {
      const { proxy, answer, release } = await withRequestInFlight(context);
      proxy.process.signal(signal);
      await proxy.process.waitForStderr(/"message":"draining/);
      assert.equal((await proxy.admin("/readyz")).status, 503);
      // One that waits to be accepted when the listener goes is reset.
      await assert.rejects(connectUntilRefused(proxy.httpPort), /ECONNREFUSED|ECONNRESET/);
      release();
      const { status, body } = await answer;
      assert.deepEqual([status, body], [200, "late"]);
      const { code, stderr } = await proxy.process.ended();
      assert.equal(code, 0);
      assert.match(stderr, /"abortedConnections":0,"unanswered":0,"message":"drained"/);
    });
  }

  it("cuts off what is not finished after the grace time, and still ends with 0", async (context) => {
    const { proxy, answer } = await withRequestInFlight(context, "--shutdown-grace", "100ms");
    proxy.process.signal("SIGTERM");
    await assert.rejects(answer);
    const { code, stderr } = await proxy.process.ended();
    assert.equal(code, 0);
    assert.match(stderr, /"level":"warn"[^\n]*"abortedConnections":1,"unanswered":0,"message":"drained"/);
  });

  it("still serves new connections while the drain delay lasts, although it is no longer ready", async (context) => {
    const port = await helloUpstream(context, "hello");
    const folder = await createFolder(context, { "shop.yaml": manifestOf({ name: "shop", host: "shop.test", port }) });
    const proxy = await serve(context, folder, "--drain-delay", "1h");
    proxy.process.signal("SIGTERM");
    await proxy.process.waitForStderr(/"delayMs":3600000[^\n]*"message":"draining: not ready any more/);
    assert.equal((await proxy.admin("/readyz")).status, 503);
    assert.deepEqual((await proxy.get("shop.test", "/")).body, "hello");
    proxy.process.signal("SIGTERM");
    assert.equal((await proxy.process.ended()).code, 1);
  });

  it("drains when the drain delay is over", async (context) => {
    const { proxy, answer, release } = await withRequestInFlight(context, "--drain-delay", "50ms");
    proxy.process.signal("SIGTERM");
    // One that waits to be accepted when the listener goes is reset.
    await assert.rejects(connectUntilRefused(proxy.httpPort), /ECONNREFUSED|ECONNRESET/);
    release();
    assert.equal((await answer).body, "late");
    assert.equal((await proxy.process.ended()).code, 0);
  });

  it("ends it although nobody reads the access log", async (context) => {
    const port = await helloUpstream(context, "hello");
    const args = ["proxy", "--to", `http://127.0.0.1:${port}`, ...localFlags()];
    const proxy = await RunningProxy.start(context, args, { isStdoutUnread: true });
    // Far more than a pipe holds (64 KiB).
    const path = `/${"x".repeat(4_000)}`;
    await Promise.all(Array.from({ length: 60 }, () => proxy.get("any.test", path)));
    proxy.process.signal("SIGTERM");
    const { stderr } = await proxy.process.ended();
    assert.match(stderr, /"message":"drained"/);
  });

  it("that comes twice ends it at once with 1", async (context) => {
    const { proxy, answer } = await withRequestInFlight(context);
    proxy.process.signal("SIGTERM");
    await proxy.process.waitForStderr(/"message":"draining/);
    proxy.process.signal("SIGTERM");
    const { code, stderr } = await proxy.process.ended();
    assert.equal(code, 1);
    assert.match(stderr, /^penstock: ended at once by a second signal/m);
    await assert.rejects(answer);
  });
});

async function occupyPort(context: TestContext): Promise<number> {
  const server: Server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** While the listener closes, connections may be taken and dropped; rejects as soon as none is taken any more. */
async function connectUntilRefused(port: number): Promise<never> {
  for (;;) {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    socket.destroy();
  }
}
