// Clients that ask for much and take little: they hold nobody else, and not for ever.
import assert from "node:assert/strict";
import { test } from "node:test";
import { untilSteady } from "../support/process-memory.ts";
import { startProxy } from "../support/proxy-under-test.ts";
import { exchangeRaw, RawClient } from "../support/raw-client.ts";
import { answerEach, response } from "../support/scripted-origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** More than the kernel's buffers of both connections take. */
const ENDLESS = 256 * 1024 * 1024;

test("a client that stops reading a response is cut off after the idle timeout, and so is its upstream", async (t) => {
  const chunk = Buffer.alloc(64 * 1024, "x");
  const proxy = await startProxy(
    t,
    [
      ({ socket }) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${ENDLESS}\r\n\r\n`);
        const pump = (): void => {
          while (!socket.destroyed && socket.write(chunk));
          socket.once("drain", pump);
        };
        pump();
      },
    ],
    { options: { limits: { idleTimeoutMs: 400 } } },
  );
  const client = await RawClient.connect(proxy.port);
  client.socket.pause();
  client.write(GET);
  const { error } = await proxy.untilLogged(1);
  assert.equal(error?.type, "client-closed");
  assert.equal(error?.source, "downstream");
  await proxy.origins[0]!.until((origin) => origin.connections[0]!.isClosed);
  client.close();
});

test("a client that pipelines requests and reads no answer is not served without end", async (t) => {
  const body = "x".repeat(32 * 1024);
  const proxy = await startProxy(t, [answerEach(response(body))]);
  const client = await RawClient.connect(proxy.port);
  client.socket.pause();
  client.write(GET.repeat(2_000));
  const served = await untilSteady(() => proxy.logged.length);
  t.diagnostic(`${served} of 2,000 requests were served`);
  assert.ok(served > 0);
  // The kernel's buffers take some megabytes of answers.
  assert.ok(served < 1_000, `${served} of 2,000 requests were served to a client that reads nothing`);
  const received = await exchangeRaw(proxy.port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.ok(received.endsWith(body), "others are served");
  client.close();
});
