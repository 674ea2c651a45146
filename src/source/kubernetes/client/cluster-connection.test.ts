// Connections to servers that authenticate, rotate, break off and send too much; and what is said of them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { it } from "node:test";
import type { TLSSocket } from "node:tls";
import { createTestCertificate } from "../../../../test/support/certificates.ts";
import { SourceError } from "../../source-error.ts";
import { ApiUnreachable } from "./api-client.ts";
import type { Cluster, ConnectionOptions } from "./cluster-connection.ts";
import { connectToCluster } from "./cluster-connection.ts";
import { AnswerTooLarge, ConnectionImpossible } from "./connection-failure.ts";

const CERTIFICATE = createTestCertificate({ ipAddresses: ["127.0.0.1"] });
const base64 = (text: string): string => Buffer.from(text).toString("base64");

type Handler = (message: IncomingMessage, response: ServerResponse) => void;

interface TestServer {
  readonly port: number;
  close(): void;
}

async function listen(context: TestContext, handler: Handler, protocol: "http" | "https"): Promise<TestServer> {
  const tls = { cert: CERTIFICATE.chainPem, key: CERTIFICATE.keyPem, requestCert: true, rejectUnauthorized: false };
  const server = protocol === "https" ? createHttpsServer(tls, handler) : createHttpServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  context.after(close);
  return { port: (server.address() as AddressInfo).port, close };
}

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "penstock-client-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

interface KubeconfigParts {
  readonly server: string;
  readonly cluster?: object;
  readonly user?: object;
}

function writeKubeconfig(context: TestContext, { server, cluster = {}, user = {} }: KubeconfigParts): string {
  const file = join(temporaryFolder(context), "config");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server, ...cluster } }],
    users: [{ name: "u", user }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

async function connect(
  context: TestContext,
  kubeconfig: string,
  options: Partial<ConnectionOptions> = {},
): Promise<Cluster> {
  const cluster = await connectToCluster({ kubeconfig, userAgent: "penstock/test", ...options });
  context.after(() => cluster.close());
  return cluster;
}

const answer = (response: ServerResponse, body: unknown): void => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
};

const REQUEST = { method: "GET", path: "/version" } as const;

it("proves who it is by certificate and token, and trusts the server by the kubeconfig's authority", async (context) => {
  const client = createTestCertificate({ commonName: "penstock" });
  const server = await listen(
    context,
    (message, response) => {
      const peer = (message.socket as TLSSocket).getPeerCertificate().subject?.CN ?? null;
      const { authorization, "user-agent": userAgent } = message.headers;
      answer(response, { peer, authorization, userAgent, url: message.url });
    },
    "https",
  );
  const kubeconfig = writeKubeconfig(context, {
    server: `https://127.0.0.1:${server.port}/clusters/blue/`,
    cluster: { "certificate-authority-data": base64(CERTIFICATE.chainPem) },
    user: {
      token: "sesame",
      "client-certificate-data": base64(client.chainPem),
      "client-key-data": base64(client.keyPem),
    },
  });
  const cluster = await connect(context, kubeconfig);
  const { status, body } = await cluster.send({ ...REQUEST, query: { limit: "5" } });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    peer: "penstock",
    authorization: "Bearer sesame",
    userAgent: "penstock/test",
    url: "/clusters/blue/version?limit=5",
  });
});

it("sends JSON with the content type that the method wants", async (context) => {
  const seen: string[] = [];
  const server = await listen(
    context,
    (message, response) => {
      message.on("data", (chunk: Buffer) => seen.push(`${message.headers["content-type"]} ${chunk.toString()}`));
      message.on("end", () => answer(response, {}));
    },
    "http",
  );
  const cluster = await connect(context, writeKubeconfig(context, { server: `http://127.0.0.1:${server.port}` }));
  await cluster.send({ method: "PATCH", path: "/a", body: { a: 1 } });
  await cluster.send({ method: "PUT", path: "/a", body: { a: 2 } });
  assert.deepEqual(seen, ['application/merge-patch+json {"a":1}', 'application/json {"a":2}']);
});

it("reads the pod's token again when the server no longer takes it", async (context) => {
  let accepted = "one";
  const server = await listen(
    context,
    (message, response) => {
      response.statusCode = message.headers.authorization === `Bearer ${accepted}` ? 200 : 401;
      answer(response, {});
    },
    "https",
  );
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "token"), "one\n");
  writeFileSync(join(folder, "ca.crt"), CERTIFICATE.chainPem);
  const environment = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(server.port) };
  const cluster = await connectToCluster({
    kubeconfig: null,
    userAgent: "penstock/test",
    places: { environment, serviceAccountFolder: folder, homeFolder: folder },
    timing: { minReloadMs: 0 },
  });
  context.after(() => cluster.close());
  assert.equal(cluster.origin, "the ServiceAccount of this pod");
  assert.equal((await cluster.send(REQUEST)).status, 200);
  writeFileSync(join(folder, "token"), "two\n");
  accepted = "two";
  assert.equal((await cluster.send(REQUEST)).status, 200);
  accepted = "three";
  assert.equal((await cluster.send(REQUEST)).status, 401, "a refusal without a new token is an answer");
});

it("asks a credential plugin, and says when there is none", async (context) => {
  const server = await listen(
    context,
    (message, response) => answer(response, { authorization: message.headers.authorization }),
    "http",
  );
  const credential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: "made" },
  };
  const exec = (command: string, args: readonly string[]): string =>
    writeKubeconfig(context, {
      server: `http://127.0.0.1:${server.port}`,
      user: { exec: { apiVersion: "client.authentication.k8s.io/v1", command, args } },
    });
  const cluster = await connect(context, exec("echo", [JSON.stringify(credential)]));
  assert.deepEqual((await cluster.send(REQUEST)).body, { authorization: "Bearer made" });
  const broken = await connect(context, exec("no-such-plugin", []));
  await assert.rejects(broken.send(REQUEST), (error) => {
    assert.ok(error instanceof ConnectionImpossible);
    assert.match(error.message, /credentials of context "test" of .* cannot be read: spawn no-such-plugin ENOENT/);
    return true;
  });
});

it("goes by way of the proxy that the kubeconfig names", async (context) => {
  const server = await listen(context, (_message, response) => answer(response, { through: "proxy" }), "https");
  const asked: string[] = [];
  const proxy = createHttpServer();
  proxy.on("connect", (message: IncomingMessage, socket) => {
    asked.push(message.url ?? "");
    const upstream = connectSocket(server.port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  context.after(() => proxy.close());
  const kubeconfig = writeKubeconfig(context, {
    server: `https://127.0.0.1:${server.port}`,
    cluster: {
      "certificate-authority-data": base64(CERTIFICATE.chainPem),
      "proxy-url": `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    },
  });
  const cluster = await connect(context, kubeconfig);
  assert.deepEqual((await cluster.send(REQUEST)).body, { through: "proxy" });
  assert.deepEqual(asked, [`127.0.0.1:${server.port}`]);
});

it("says whose certificate is not trusted, and where to look", async (context) => {
  const server = await listen(context, (_message, response) => answer(response, {}), "https");
  const kubeconfig = writeKubeconfig(context, { server: `https://127.0.0.1:${server.port}` });
  const cluster = await connect(context, kubeconfig);
  await assert.rejects(cluster.send(REQUEST), (error) => {
    assert.ok(error instanceof ConnectionImpossible);
    assert.match(
      error.message,
      /certificate of the API server https:\/\/127.* \(context "test" of .*\) is not trusted/,
    );
    assert.match(error.message, /certificate-authority/);
    return true;
  });
});

it("says which server refuses connections, by which context", async (context) => {
  const server = await listen(context, () => {}, "http");
  server.close();
  const cluster = await connect(context, writeKubeconfig(context, { server: `http://127.0.0.1:${server.port}` }));
  await assert.rejects(cluster.send(REQUEST), (error) => {
    assert.ok(error instanceof ApiUnreachable && !(error instanceof ConnectionImpossible));
    assert.match(
      error.message,
      /cannot reach the API server http:\/\/127.*context "test".*connection refused; is the API/,
    );
    return true;
  });
});

it("answers every status, with what the server asks to wait, whether its body is JSON or not", async (context) => {
  const server = await listen(
    context,
    (message, response) => {
      if (message.url === "/busy") response.writeHead(429, { "retry-after": "7" }).end('{"kind":"Status"}');
      else response.writeHead(404).end("404 page not found\n");
    },
    "http",
  );
  const cluster = await connect(context, writeKubeconfig(context, { server: `http://127.0.0.1:${server.port}` }));
  assert.deepEqual(await cluster.send({ method: "GET", path: "/busy" }), {
    status: 429,
    body: { kind: "Status" },
    retryAfterMs: 7_000,
  });
  assert.deepEqual(await cluster.watch({ method: "GET", path: "/none" }), {
    status: 404,
    body: null,
    retryAfterMs: null,
  });
});

it("reads no more than it should, and nothing that it cannot be sure of", async (context) => {
  const bodies = new Map<string, string | Buffer>([
    ["/large", JSON.stringify({ text: "x".repeat(2_000) })],
    ["/half", '{"items":['],
    ["/latin1", Buffer.from([0x22, 0xe9, 0x22])],
  ]);
  const server = await listen(
    context,
    (message, response) => {
      response.end(bodies.get(message.url ?? ""));
    },
    "http",
  );
  const kubeconfig = writeKubeconfig(context, { server: `http://127.0.0.1:${server.port}` });
  const cluster = await connect(context, kubeconfig, { limits: { maxAnswerBytes: 1_000 } });
  await assert.rejects(cluster.send({ method: "GET", path: "/large" }), AnswerTooLarge);
  await assert.rejects(cluster.send({ method: "GET", path: "/half" }), ApiUnreachable);
  await assert.rejects(cluster.send({ method: "GET", path: "/latin1" }), /not UTF-8/);
});

it("gives up what does not answer in time, and only that", async (context) => {
  const server = await listen(
    context,
    (message, response) => {
      if (message.url === "/quick") answer(response, {});
      if (message.url === "/slow") response.writeHead(200).write("{");
    },
    "http",
  );
  const cluster = await connect(context, writeKubeconfig(context, { server: `http://127.0.0.1:${server.port}` }));
  await assert.rejects(cluster.send({ method: "GET", path: "/never", timeoutMs: 30 }), /no answer in 30 ms/);
  await assert.rejects(cluster.send({ method: "GET", path: "/slow", timeoutMs: 30 }), /no answer in 30 ms/);
  await assert.rejects(cluster.watch({ method: "GET", path: "/never", timeoutMs: 30 }), /no answer in 30 ms/);
  assert.equal((await cluster.send({ method: "GET", path: "/quick" })).status, 200);
});

/** Everything that a watch yields, and the error that it ends with. */
async function readWatch(cluster: Cluster, path: string): Promise<{ lines: string[]; error: unknown }> {
  const stream = await cluster.watch({ method: "GET", path, timeoutMs: 2_000 });
  assert.ok("lines" in stream);
  const lines: string[] = [];
  try {
    for await (const line of stream.lines) lines.push(line);
  } catch (error) {
    return { lines, error };
  }
  return { lines, error: null };
}

it("yields the lines of a watch as they were sent, and tells an end from a break", async (context) => {
  const server = await listen(
    context,
    (message, response) => {
      response.writeHead(200).write("one\n\ntw");
      if (message.url === "/whole") response.end("o\n");
      else if (message.url === "/half") response.end();
      else if (message.url === "/long") response.end("o".repeat(200));
      else if (message.url === "/bytes") response.end(Buffer.from([0xff, 0x0a]));
      else setImmediate(() => response.destroy());
    },
    "http",
  );
  const kubeconfig = writeKubeconfig(context, { server: `http://127.0.0.1:${server.port}` });
  const cluster = await connect(context, kubeconfig, { limits: { maxLineBytes: 100 } });
  assert.deepEqual(await readWatch(cluster, "/whole"), { lines: ["one", "two"], error: null });
  for (const [path, message] of [
    ["/half", /ended within a line/],
    ["/long", /longer than 100 bytes/],
    ["/bytes", /not UTF-8/],
    ["/cut", /cannot reach/],
  ] as const) {
    const { lines, error } = await readWatch(cluster, path);
    assert.deepEqual(lines, ["one"], path);
    assert.ok(error instanceof ApiUnreachable, path);
    assert.match(error.message, message);
  }
});

it("ends a watch that is closed, by itself or by a signal, without an error of its own making", async (context) => {
  const closed = Promise.withResolvers<void>();
  const server = await listen(
    context,
    (_message, response) => {
      response.writeHead(200).write("one\n");
      response.once("close", () => closed.resolve());
    },
    "http",
  );
  const cluster = await connect(context, writeKubeconfig(context, { server: `http://127.0.0.1:${server.port}` }));
  const stream = await cluster.watch({ method: "GET", path: "/" });
  assert.ok("lines" in stream);
  const lines: string[] = [];
  for await (const line of stream.lines) {
    lines.push(line);
    stream.close();
    stream.close();
  }
  assert.deepEqual(lines, ["one"]);
  await closed.promise;
});

it("says what is wrong with a kubeconfig", async (context) => {
  const folder = temporaryFolder(context);
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const cases: readonly (readonly [string, RegExp])[] = [
    [join(folder, "none"), /cannot read the kubeconfig .*none: there is no such file/],
    [write("text", "]["), /the kubeconfig .*text cannot be used/],
    [write("empty", "{}"), /has no current-context/],
    [write("context", "current-context: x"), /context "x" is not in .*: it has none/],
    [writeKubeconfig(context, { server: "ftp://x" }), /write a URL that begins with https/],
  ];
  for (const [kubeconfig, message] of cases) {
    await assert.rejects(connectToCluster({ kubeconfig, userAgent: "x" }), (error) => {
      assert.ok(error instanceof SourceError, kubeconfig);
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  }
  const places = { environment: {}, serviceAccountFolder: folder, homeFolder: folder };
  await assert.rejects(
    connectToCluster({ kubeconfig: null, userAgent: "x", places }),
    /there is no cluster to talk to.*--kubeconfig FILE/,
  );
});
