// What reading into shared memory saves (engine/transport/socket-reader.ts, engine/server): CPU time of a thread that answers
// small requests, with Node's own reads, with ours on sockets that were accepted by Node, and with ours on handles that were
// taken before there was a socket. `node bench/micro/socket-reader.ts`
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { type ByteSocket, listenTo } from "../../src/engine/transport/byte-socket.ts";
import { SocketReader } from "../../src/engine/transport/socket-reader.ts";
import { takeAcceptedHandles } from "../../src/engine/transport/accepted-handles.ts";
import { adoptSocket } from "../../src/engine/transport/adopt-socket.ts";
import { TcpSocket } from "../../src/engine/transport/tcp-socket.ts";

const CONNECTIONS = 50;
const MESSAGES = 200_000;
const ROUNDS = 5;
const REQUEST = `GET / HTTP/1.1\r\nHost: a\r\n${"X-Header: value\r\n".repeat(4)}\r\n`;
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const READINGS = ["node", "adopted", "handle"] as const;
type Reading = (typeof READINGS)[number];

/** @param open makes the socket, which reads by the reader that it is given. */
function answerShared(open: (reader: SocketReader) => ByteSocket): void {
  const reader = new SocketReader();
  const socket = open(reader);
  reader.attach({ holdsReadBuffer: false, onRead: () => void socket.write(ANSWER, "latin1") });
  listenTo(socket, { onSocketEnd: ignore, onSocketDrain: ignore, onSocketError: ignore, onSocketClose: ignore });
  socket.resume();
}

function ignore(): void {
  // The measurement ends by itself.
}

async function serve(reading: Reading): Promise<net.Server> {
  const server = net.createServer({ noDelay: true, pauseOnConnect: reading === "adopted" }, (accepted) => {
    if (reading === "adopted") answerShared((reader) => adoptSocket(accepted, reader.options));
    else accepted.on("data", () => accepted.write(ANSWER, "latin1")).on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  if (reading === "handle") {
    const isTaken = takeAcceptedHandles(server, (accepted) =>
      answerShared((reader) => TcpSocket.accept(accepted, reader)),
    );
    if (!isTaken) throw new Error("this Node does not hand out accepted connections");
  }
  return server;
}

async function measure(reading: Reading): Promise<number> {
  const server = await serve(reading);
  const client = new Worker(new URL(import.meta.url), { workerData: (server.address() as AddressInfo).port });
  await once(client, "message");
  const before = process.threadCpuUsage();
  client.postMessage("go");
  await once(client, "message");
  const { user, system } = process.threadCpuUsage(before);
  await client.terminate();
  server.close();
  return (user + system) / MESSAGES;
}

async function drive(port: number): Promise<void> {
  const { parentPort } = await import("node:worker_threads");
  let left = MESSAGES;
  const sockets: Socket[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    socket.on("data", () => {
      if (--left > 0) socket.write(REQUEST, "latin1");
      else if (left === 0) parentPort?.postMessage("done");
    });
    sockets.push(socket);
  }
  parentPort?.once("message", () => {
    for (const socket of sockets) socket.write(REQUEST, "latin1");
  });
  parentPort?.postMessage("ready");
}

if (isMainThread) {
  const samples: Record<Reading, number[]> = { node: [], adopted: [], handle: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? READINGS : READINGS.toReversed();
    for (const reading of order) samples[reading].push(await measure(reading));
  }
  for (const reading of READINGS) {
    const sorted = samples[reading].toSorted((a, b) => a - b);
    const raw = samples[reading].map((value) => value.toFixed(2)).join(" ");
    console.log(`${reading.padEnd(7)} median ${sorted[ROUNDS >> 1]?.toFixed(2)} µs a message  (${raw})`);
  }
} else await drive(workerData as number);
