// What a socket cannot be made to do on demand: reads and an end that come although the response was paused in between,
// as from one TLS record with several parts.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { TimerWheel } from "../../lib/timer-wheel.ts";
import { HeaderList } from "../http/header-list.ts";
import { RequestHead } from "../http/messages.ts";
import type { ProxyError } from "../proxy/proxy-error.ts";
import type { UpstreamHandler } from "../proxy/upstream-stream.ts";
import { createPeer } from "../upstream/peer.ts";
import { Http1ClientConnection } from "./client-connection.ts";

const PEER = createPeer({ address: "127.0.0.1", port: 1 });

/** Pauses the response at its first bytes; tells what happened. */
function openPausing(head: string): { connection: Http1ClientConnection; socket: Duplex; events: string[] } {
  const events: string[] = [];
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const handler: UpstreamHandler = {
    holdsResponseChunks: false,
    onConnected: () => undefined,
    onSlowConnect: () => undefined,
    onInformational: () => undefined,
    onResponseHead: () => undefined,
    onResponseBody: (chunk) => {
      events.push(chunk.toString());
      if (events.length === 1) connection.pauseResponse();
    },
    onResponseEnd: () => void events.push("end"),
    onUpstreamReadComplete: () => undefined,
    onUpstreamDrain: () => undefined,
    onUpstreamTimer: () => undefined,
    onUpstreamError: (error: ProxyError) => void events.push(error.type),
  };
  const owner = { settle: () => undefined, release: () => events.push("released"), forget: () => undefined };
  const connection = new Http1ClientConnection(socket as Socket, PEER, owner, new TimerWheel(), handler);
  connection.connected();
  const request = new RequestHead("GET", "/", "a", "a", 11, HeaderList.empty(), 0, "", false);
  connection.sendHead(request, HeaderList.empty(), 0);
  connection.onRead(Buffer.from(`${head}hello`));
  connection.onRead(Buffer.from("world"));
  return { connection, socket, events };
}

for (const [framing, head] of [
  ["until its close", "HTTP/1.1 200 OK\r\n\r\n"],
  ["of a known length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"],
] as const) {
  test(`a body ${framing} whose end comes while it is paused is whole once it goes on`, (t) => {
    const { connection, socket, events } = openPausing(head);
    t.after(() => socket.destroy());
    socket.emit("end");
    socket.emit("close");
    assert.deepEqual(events, ["hello"]);
    connection.resumeResponse();
    assert.deepEqual(events, ["hello", "world", "end"], "and the connection, which has ended, is not used again");
  });
}

test("a body that is cut while it is paused is an error once it goes on", (t) => {
  const { connection, socket, events } = openPausing("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n");
  t.after(() => socket.destroy());
  socket.emit("end");
  connection.resumeResponse();
  assert.deepEqual(events, ["hello", "world", "upstream-closed"]);
});
