// What clients cost that hold connections, do not read, or go slowly: bounded memory, whatever they do.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { MIB, residentBytes, untilSteady } from "../../support/process-memory.ts";
import { RawClient } from "../../support/raw-client.ts";
import { localFlags, RunningProxy, send, startUpstream } from "../../support/running-proxy.ts";
import { TricklingClients } from "../../support/trickling-clients.ts";

/** @param env settings that have no flag */
function startProxy(
  context: TestContext,
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProxy> {
  const args = ["proxy", "--to", `http://127.0.0.1:${port}`, ...localFlags({ "access-log": "off" })];
  return RunningProxy.start(context, args, { env });
}

test("a client that stops reading a 1 GiB download holds its upstream back, in bounded memory", async (context) => {
  let sent = 0;
  const chunk = Buffer.alloc(256 * 1024, "x");
  const origin = createServer((_request, response) => {
    response.writeHead(200, { "Content-Length": 1024 * MIB });
    const pump = (): void => {
      while (sent < 1024 * MIB) {
        sent += chunk.length;
        if (!response.write(chunk)) {
          response.once("drain", pump);
          return;
        }
      }
      response.end();
    };
    pump();
  }).listen(0, "127.0.0.1");
  await once(origin, "listening");
  context.after(() => {
    origin.closeAllConnections();
    origin.close();
  });
  const proxy = await startProxy(context, (origin.address() as AddressInfo).port);
  const before = await residentBytes(proxy.process.pid);
  const client = await RawClient.connect(proxy.httpPort);
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.untilText("\r\n\r\n");
  client.socket.pause();
  const stalledAt = await untilSteady(() => sent);
  const grown = (await residentBytes(proxy.process.pid)) - before;
  context.diagnostic(`the origin got rid of ${stalledAt / MIB} MiB, the proxy grew by ${Math.round(grown / MIB)} MiB`);
  assert.ok(stalledAt < 64 * MIB, "the upstream is held back");
  assert.ok(grown < 48 * MIB, `the proxy's memory is bounded: ${grown}`);

  client.socket.removeAllListeners("data");
  let received = 0;
  await new Promise<void>((resolve) => {
    client.socket.on("data", (data: Buffer) => {
      received += data.length;
      if (received >= 900 * MIB) resolve();
    });
    client.socket.resume();
  });
  const grownAfter = (await residentBytes(proxy.process.pid)) - before;
  context.diagnostic(`after ${Math.round(received / MIB)} MiB the proxy has ${Math.round(grownAfter / MIB)} MiB more`);
  assert.ok(grownAfter < 128 * MIB, `what passed through is not kept: ${grownAfter}`);
  client.close();
});

test("an upstream that stops reading a 1 GiB upload holds its client back, in bounded memory", async (context) => {
  const size = 1024 * MIB;
  let received = 0;
  const accepted = Promise.withResolvers<Socket>();
  const origin = net.createServer({ pauseOnConnect: true }, (socket) => accepted.resolve(socket));
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  context.after(() => origin.close());
  const proxy = await startProxy(context, (origin.address() as AddressInfo).port);
  const before = await residentBytes(proxy.process.pid);
  const client = await RawClient.connect(proxy.httpPort);
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  let sent = 0;
  const chunk = Buffer.alloc(256 * 1024, "x");
  const pump = (): void => {
    // Counted when the kernel has it: what waits in this process is not the proxy's.
    client.socket.write(chunk, () => {
      sent += chunk.length;
      if (sent < size) pump();
    });
  };
  pump();
  const upstream = await accepted.promise;
  context.after(() => upstream.destroy());
  const stalledAt = await untilSteady(() => sent);
  const grown = (await residentBytes(proxy.process.pid)) - before;
  context.diagnostic(`the client got rid of ${stalledAt / MIB} MiB, the proxy grew by ${Math.round(grown / MIB)} MiB`);
  assert.ok(stalledAt > 0, "the upload had begun");
  assert.ok(stalledAt < 64 * MIB, "the client is held back");
  assert.ok(grown < 48 * MIB, `the proxy's memory is bounded: ${grown}`);

  upstream.on("data", (data: Buffer) => {
    received += data.length;
    if (received >= size) upstream.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  upstream.resume();
  assert.match(await client.untilText("ok"), /^HTTP\/1\.1 200 OK\r\n/);
  const grownAfter = (await residentBytes(proxy.process.pid)) - before;
  context.diagnostic(`after ${Math.round(received / MIB)} MiB the proxy has ${Math.round(grownAfter / MIB)} MiB more`);
  assert.equal(sent, size, "the upload went on and was complete");
  assert.ok(grownAfter < 128 * MIB, `what passed through is not kept: ${grownAfter}`);
  client.close();
});

test("500 clients that trickle heads and bodies cost bounded memory, and others are served meanwhile", async (context) => {
  let slowBytes = 0;
  const port = await startUpstream(context, (request, response) => {
    request.on("data", (chunk: Buffer) => (slowBytes += chunk.length));
    request.on("end", () => response.end("ok"));
  });
  const rounds = 120;
  // On a busy machine the rounds may take longer than a head and a slow body are allowed to by default.
  const proxy = await startProxy(context, port, {
    PENSTOCK_LIMITS_HEADER_TIMEOUT: "100s",
    PENSTOCK_LIMITS_MIN_BODY_RATE: "0",
  });
  await send({ port: proxy.httpPort, path: "/" });
  const before = await residentBytes(proxy.process.pid);
  const headBytes = 12 * 1024;
  const clients = await TricklingClients.start({ port: proxy.httpPort, heads: 250, bodies: 250, rounds, headBytes });
  context.after(() => clients.destroy());
  let peak = 0;
  let slowestMs = 0;
  for (let round = 0; round < rounds; round++) {
    await clients.trickle();
    const startedAt = performance.now();
    assert.equal((await send({ port: proxy.httpPort, path: "/" })).status, 200);
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    peak = Math.max(peak, (await residentBytes(proxy.process.pid)) - before);
    // The last byte of a body completes its request.
    if (round < rounds - 1) assert.equal(clients.answered, 0, "nobody was answered before the request was whole");
  }
  context.diagnostic(
    `the proxy grew by ${Math.round(peak / MIB)} MiB at most; others waited ${Math.round(slowestMs)} ms at most`,
  );
  assert.equal(clients.closed, 0);
  assert.equal(await clients.finish(), 500);
  assert.equal(slowBytes, 250 * rounds, "every body reached the upstream");
  // Reading a head byte by byte makes garbage, which stops growing near 80 MiB however many rounds there are.
  assert.ok(peak < 128 * MIB, `500 slow clients cost ${peak} bytes`);
});

test("10,000 idle connections are held, each for a few kilobytes, and others are served", async (context) => {
  const origin = createServer((_request, response) => void response.end("ok")).listen(0, "127.0.0.1");
  await once(origin, "listening");
  context.after(() => {
    origin.closeAllConnections();
    origin.close();
  });
  const proxy = await startProxy(context, (origin.address() as AddressInfo).port);
  const before = await residentBytes(proxy.process.pid);
  const request = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const idle: Socket[] = [];
  context.after(() => {
    for (const socket of idle) socket.destroy();
  });
  let closed = 0;
  for (let batch = 0; batch < 100; batch++) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = net.connect({ port: proxy.httpPort, host: "127.0.0.1" });
        idle.push(socket);
        socket.on("close", () => closed++);
        await once(socket, "connect");
        socket.write(request);
        await once(socket, "data");
      }),
    );
  }
  const perConnection = ((await residentBytes(proxy.process.pid)) - before) / idle.length;
  context.diagnostic(`${idle.length} idle connections, ${Math.round(perConnection)} bytes each`);
  assert.equal((await send({ port: proxy.httpPort, path: "/" })).status, 200);
  assert.equal(closed, 0);
  assert.ok(perConnection < 24 * 1024, `${perConnection} bytes a connection`);
});
