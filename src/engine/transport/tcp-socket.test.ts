// A TcpSocket against Node's own sockets at the other end: what goes through, and how it ends.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { takeAcceptedHandles } from "./accepted-handles.ts";
import type { SocketEvents } from "./byte-socket.ts";
import { SocketReader } from "./socket-reader.ts";
import { tcp, type TcpBinding } from "./tcp-handles.ts";
import { TcpSocket } from "./tcp-socket.ts";

const BIG = randomBytes(8 * 1024 * 1024);

/** Keeps what a socket says, and lets a test wait for it. */
class Recorder implements SocketEvents {
  readonly said: string[] = [];
  readonly chunks: Buffer[] = [];
  readonly ended: Promise<void>;
  readonly drained: Promise<void>;
  readonly closed: Promise<void>;
  readonly holdsReadBuffer = false;
  /** What to do with bytes, beside keeping them. */
  react: (bytes: Buffer) => void = () => undefined;
  #awaited: { length: number; resolve: () => void } | null = null;
  #ended!: () => void;
  #drained!: () => void;
  #closed!: () => void;

  constructor() {
    this.ended = new Promise((resolve) => (this.#ended = resolve));
    this.drained = new Promise((resolve) => (this.#drained = resolve));
    this.closed = new Promise((resolve) => (this.#closed = resolve));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Resolves when so many bytes are there in all. */
  async received(length: number): Promise<Buffer> {
    if (this.bytes.length < length) await new Promise<void>((resolve) => (this.#awaited = { length, resolve }));
    return this.bytes;
  }

  onRead(bytes: Buffer): void {
    this.chunks.push(Buffer.from(bytes));
    this.react(bytes);
    if (this.#awaited !== null && this.bytes.length >= this.#awaited.length) this.#awaited.resolve();
  }

  onSocketEnd(): void {
    this.said.push("end");
    this.#ended();
  }

  onSocketDrain(): void {
    this.said.push("drain");
    this.#drained();
  }

  onSocketError(error: NodeJS.ErrnoException): void {
    this.said.push(`error ${error.code}`);
  }

  onSocketClose(): void {
    this.said.push("close");
    this.#closed();
  }
}

interface Pair {
  readonly socket: TcpSocket;
  readonly events: Recorder;
  readonly client: Socket;
}

async function connectPair(t: TestContext): Promise<Pair> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const events = new Recorder();
  const accepted = new Promise<TcpSocket>((resolve) => {
    const isTaken = takeAcceptedHandles(server, (handle) => {
      const reader = new SocketReader();
      const socket = TcpSocket.accept(handle, reader);
      socket.events = events;
      reader.attach(events);
      resolve(socket);
    });
    assert.ok(isTaken, "this runtime has the streams that this is about");
  });
  const { port } = server.address() as AddressInfo;
  const client = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const socket = await accepted;
  t.after(() => {
    socket.destroy();
    client.destroy();
    server.close();
  });
  return { socket, events, client };
}

test("text and bytes go through in order, corked or not", async (t) => {
  const { socket, client } = await connectPair(t);
  const received = buffer(client);
  assert.equal(socket.write("caf\xe9 ", "latin1"), true);
  socket.cork();
  socket.write("1\r\n", "latin1");
  socket.write(BIG);
  socket.write("\r\n", "latin1");
  socket.uncork();
  socket.write(Buffer.from("bytes"));
  socket.end();
  const expected = Buffer.concat([Buffer.from("caf\xe9 1\r\n", "latin1"), BIG, Buffer.from("\r\nbytes")]);
  assert.ok((await received).equals(expected));
});

test("bytes that come arrive whole, however large", async (t) => {
  const { events, client } = await connectPair(t);
  client.end(BIG);
  await events.ended;
  assert.ok(events.bytes.equals(BIG));
});

test("a write that the kernel does not take at once counts until it is out, and its end is told", async (t) => {
  const { socket, events, client } = await connectPair(t);
  client.pause();
  assert.equal(socket.write(BIG), false);
  assert.equal(socket.writableLength, BIG.length);
  assert.equal(socket.writableNeedDrain, true);
  client.resume();
  await events.drained;
  assert.equal(socket.writableLength, 0);
  assert.equal(socket.writableNeedDrain, false);
});

test("a small write that waits behind a large one is no reason for two drains", async (t) => {
  const { socket, events, client } = await connectPair(t);
  socket.write(BIG);
  socket.write("tail", "latin1");
  socket.end();
  assert.ok((await buffer(client)).subarray(-4).equals(Buffer.from("tail")));
  client.end();
  await events.closed;
  assert.deepEqual(events.said, ["drain", "end", "close"]);
});

test("after a FIN of ours the other side may still send; both FINs close the socket", async (t) => {
  const { socket, events, client } = await connectPair(t);
  const received: Buffer[] = [];
  client.on("data", (chunk: Buffer) => received.push(chunk));
  socket.write("bye", "latin1");
  socket.end();
  assert.equal(socket.write("too late", "latin1"), false);
  await once(client, "end");
  assert.equal(Buffer.concat(received).toString(), "bye");
  client.end("still here");
  await events.closed;
  assert.equal(events.bytes.toString(), "still here");
  assert.deepEqual(events.said, ["end", "close"]);
  assert.equal(socket.destroyed, true);
});

test("after a FIN of the other side there may still be an answer", async (t) => {
  const { socket, events, client } = await connectPair(t);
  client.end("question");
  await events.ended;
  assert.equal(socket.destroyed, false);
  socket.write("answer", "latin1");
  socket.end();
  assert.equal((await buffer(client)).toString(), "answer");
  await events.closed;
});

test("a reset of the other side is an error, then the end", async (t) => {
  const { events, client } = await connectPair(t);
  client.write("a");
  await events.received(1);
  client.resetAndDestroy();
  await events.closed;
  assert.deepEqual(events.said, ["error ECONNRESET", "close"]);
});

test("a write that fails is told later, and once", async (t) => {
  const { socket, events, client } = await connectPair(t);
  socket.pause();
  client.resetAndDestroy();
  await once(client, "close");
  for (let i = 0; i < 3; i++) socket.write("to nobody", "latin1");
  assert.deepEqual(events.said, []);
  await events.closed;
  assert.equal(events.said.length, 2);
  assert.match(events.said[0] ?? "", /^error E(PIPE|CONNRESET)$/);
});

test("a reset of ours reaches the other side as one, also with bytes on their way", async (t) => {
  const { socket, events, client } = await connectPair(t);
  socket.write(BIG);
  socket.resetAndDestroy();
  const [error] = (await once(client.resume(), "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
  await events.closed;
  assert.deepEqual(events.said, ["close"]);
});

test("a reset after a FIN still closes", async (t) => {
  const { socket, events, client } = await connectPair(t);
  client.resume().on("error", () => undefined);
  socket.end();
  socket.resetAndDestroy();
  await events.closed;
});

test("a destroyed socket says nothing but that it is closed, and takes nothing", async (t) => {
  const { socket, events, client } = await connectPair(t);
  client.on("error", () => undefined).resume();
  socket.write(BIG);
  socket.destroy();
  socket.destroy();
  socket.end();
  socket.pause();
  socket.resume();
  assert.equal(socket.write("more", "latin1"), false);
  assert.equal(socket.remoteAddress, undefined);
  await events.closed;
  assert.deepEqual(events.said, ["close"]);
});

test("a socket that is destroyed as it reads reads nothing more", async (t) => {
  const { socket, events, client } = await connectPair(t);
  client.on("error", () => undefined);
  events.react = () => socket.destroy();
  client.end(BIG);
  await events.closed;
  assert.equal(events.chunks.length, 1);
  assert.deepEqual(events.said, ["close"]);
});

test("a paused socket reads again when it is resumed", async (t) => {
  const { socket, events, client } = await connectPair(t);
  events.react = () => socket.pause();
  client.end(BIG);
  await events.received(1);
  // The other side is held up by what nobody reads.
  assert.ok(client.writableLength > 0);
  assert.equal(events.chunks.length, 1);
  events.react = () => undefined;
  socket.resume();
  await events.ended;
  assert.ok(events.bytes.equals(BIG));
});

test("the other side's address is known", async (t) => {
  const { socket, client } = await connectPair(t);
  assert.equal(socket.remoteAddress, "127.0.0.1");
  assert.equal(socket.remotePort, client.localPort);
});

for (const address of ["127.0.0.1", "::1"]) {
  test(`it connects to ${address}, and talks`, async (t) => {
    const server = net.createServer((accepted) => accepted.end("hello")).listen(0, address);
    await once(server, "listening");
    t.after(() => server.close());
    const events = new Recorder();
    const reader = new SocketReader();
    reader.attach(events);
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve) => {
      const socket = TcpSocket.connect(tcp as TcpBinding, { address, port }, reader, resolve);
      socket.events = events;
      t.after(() => socket.destroy());
    });
    await events.ended;
    assert.equal(events.bytes.toString(), "hello");
  });
}

for (const [name, address, code] of [
  ["a port where nobody listens", "127.0.0.1", "ECONNREFUSED"],
  ["what is no address", "not-an-address", "EINVAL"],
] as const) {
  test(`connecting to ${name} is an error, told later`, async (t) => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const events = new Recorder();
    const socket = TcpSocket.connect(tcp as TcpBinding, { address, port }, new SocketReader(), () => t.assert.fail());
    socket.events = events;
    assert.deepEqual(events.said, []);
    await events.closed;
    assert.deepEqual(events.said, [`error ${code}`, "close"]);
  });
}

test("a socket that is destroyed while it connects never connects", async (t) => {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const events = new Recorder();
  const remote = { address: "127.0.0.1", port };
  const socket = TcpSocket.connect(tcp as TcpBinding, remote, new SocketReader(), () => t.assert.fail());
  socket.events = events;
  socket.destroy();
  await events.closed;
  assert.deepEqual(events.said, ["close"]);
});
