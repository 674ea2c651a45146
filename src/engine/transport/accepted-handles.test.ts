import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { SocketReader } from "./socket-reader.ts";
import type { TcpHandle } from "./tcp-handles.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { takeAcceptedHandles } from "./accepted-handles.ts";

async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  const server = net.createServer(onConnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const noop = (): void => undefined;

function connectTo(server: Server): Socket {
  return net.connect((server.address() as AddressInfo).port, "127.0.0.1");
}

test("a connection comes as a handle, on which a socket reads and writes", async () => {
  const server = await listen(() => assert.fail("the connection came as a socket"));
  const { promise: accepted, resolve } = Promise.withResolvers<TcpHandle>();
  assert.equal(takeAcceptedHandles(server, resolve), true);
  const client = connectTo(server);
  const reader = new SocketReader();
  const socket = TcpSocket.accept(await accepted, reader);
  socket.events = { onSocketEnd: noop, onSocketDrain: noop, onSocketError: noop, onSocketClose: noop };
  reader.attach({
    holdsReadBuffer: false,
    onRead: (bytes) => {
      socket.write(bytes.toString("latin1").toUpperCase(), "latin1");
      socket.destroy();
    },
  });
  client.write("hello");
  const [answer] = (await once(client, "data")) as [Buffer];
  assert.equal(answer.toString(), "HELLO");
  client.destroy();
  server.close();
  await once(server, "close");
});

test("a handle that is closed ends the connection", async () => {
  const server = await listen(() => undefined);
  takeAcceptedHandles(server, (accepted) => accepted.close());
  const client = connectTo(server);
  client.resume().on("error", () => undefined);
  await once(client, "close");
  server.close();
});

test("a server without the hook is left as it is", async () => {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const server = await listen(resolve);
  const hidden = new Proxy(server, {
    get: (target, name): unknown => (name === "_handle" ? {} : Reflect.get(target, name)),
  });
  assert.equal(
    takeAcceptedHandles(hidden, () => assert.fail("the connection came as a handle")),
    false,
  );
  const client = connectTo(server);
  (await accepted).destroy();
  client.destroy();
  server.close();
});
