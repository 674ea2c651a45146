// What clients cost that hold connections, do not read, or go slowly: bounded memory, whatever they do.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { RawClient } from "../../support/raw-client.ts";
import { localFlags, RunningProxy, send } from "../../support/running-proxy.ts";

const MIB = 1024 * 1024;

async function startProxy(context: TestContext, port: number): Promise<RunningProxy> {
  return RunningProxy.start(context, [
    "proxy",
    "--to",
    `http://127.0.0.1:${port}`,
    ...localFlags({ "access-log": "off" }),
  ]);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Resolves when `read` has given the same number for a while: nothing moves any more. */
async function untilSteady(read: () => number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 5;) {
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return last;
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
  context.diagnostic(
    `after ${Math.round(received / MIB)} MiB it has ${Math.round((await residentBytes(proxy.process.pid)) / MIB)} MiB`,
  );
  client.close();
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
