import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { Agent, WebSocket } from "undici";
import { serveExample } from "./example-site.ts";

const ORIGINS = [
  { service: "page", port: 18_301 },
  { service: "rooms", port: 18_302 },
];

test("websocket-chat: messages go both ways, beside ordinary pages", async (t) => {
  const site = await serveExample(t, "websocket-chat", ORIGINS);
  assert.equal((await site.request("http://chat.example/")).service, "page");
  assert.equal((await site.request("http://chat.example/socket/below")).service, "page");

  // The host leads to the proxy, as /etc/hosts would have it.
  const dispatcher = new Agent({
    connect: { lookup: (_host, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]) },
  });
  t.after(() => dispatcher.close());
  const socket = new WebSocket(`ws://chat.example:${site.httpPort}/socket`, { dispatcher });
  await once(socket, "open");
  for (const text of ["hello", "still there?"]) {
    const echoed = once(socket, "message");
    socket.send(text);
    const [{ data }] = (await echoed) as [{ readonly data: unknown }];
    assert.equal(data, text);
  }
  const closed = once(socket, "close");
  socket.close();
  await closed;
});

test("websocket-chat: what is not a valid upgrade gets an ordinary answer", async (t) => {
  const site = await serveExample(t, "websocket-chat", ORIGINS);
  const request = http.get({
    host: "127.0.0.1",
    port: site.httpPort,
    path: "/socket",
    headers: { host: "chat.example", upgrade: "websocket" },
    agent: false,
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200, "Upgrade without Connection: upgrade is no upgrade");
  response.resume();
});
