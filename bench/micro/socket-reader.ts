// What reading into shared memory saves (engine/http1/socket-reader.ts, engine/server/adopt-socket.ts): CPU time of a
// thread that answers small requests, with Node's own reads and with ours. `node bench/micro/socket-reader.ts`
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { SocketReader } from "../../src/engine/http1/socket-reader.ts";
import { adoptSocket } from "../../src/engine/server/adopt-socket.ts";

const CONNECTIONS = 50;
const MESSAGES = 200_000;
const ROUNDS = 5;
const REQUEST = `GET / HTTP/1.1\r\nHost: a\r\n${"X-Header: value\r\n".repeat(4)}\r\n`;
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

type Reading = "node" | "shared";

function serve(reading: Reading): net.Server {
  const server = net.createServer({ noDelay: true, pauseOnConnect: reading === "shared" }, (accepted) => {
    if (reading === "node") {
      accepted.on("data", () => accepted.write(ANSWER, "latin1")).on("error", () => undefined);
      return;
    }
    const reader = new SocketReader();
    const socket = adoptSocket(accepted, reader.options);
    reader.attach({ holdsReadBuffer: false, onRead: () => void socket.write(ANSWER, "latin1") });
    socket.on("error", () => undefined);
    socket.resume();
  });
  return server;
}

async function measure(reading: Reading): Promise<number> {
  const server = serve(reading).listen(0, "127.0.0.1");
  await once(server, "listening");
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
  const samples: Record<Reading, number[]> = { node: [], shared: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const order: Reading[] = round % 2 === 0 ? ["node", "shared"] : ["shared", "node"];
    for (const reading of order) samples[reading].push(await measure(reading));
  }
  for (const reading of ["node", "shared"] as const) {
    const sorted = samples[reading].toSorted((a, b) => a - b);
    const raw = samples[reading].map((value) => value.toFixed(2)).join(" ");
    console.log(`${reading.padEnd(7)} median ${sorted[ROUNDS >> 1]?.toFixed(2)} µs a message  (${raw})`);
  }
} else await drive(workerData as number);
