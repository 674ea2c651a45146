// A worker thread that behaves as a test tells it. It binds its listeners for real and answers the protocol; commands
// come over a BroadcastChannel whose name stands in the environment.
import { createServer } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { FromWorker, PostedToWorker, WorkerSettings } from "../../src/dataplane/protocol.ts";

/** What tests tell the worker with a matching id to do. */
export interface FakeWorkerCommand {
  readonly workerId: number;
  readonly do: "throw" | "reject" | "exit" | "hang" | "fill-memory" | "say-lines";
}

const settings = workerData as WorkerSettings;
const behaviour = process.env["FAKE_WORKER"] ?? "";
const commands = new BroadcastChannel(process.env["FAKE_WORKER_CHANNEL"] ?? "fake-worker");
const port = parentPort ?? process.exit(1);
let generation = 0;
let hasListened = false;

commands.addEventListener("message", (event) => {
  const command = event.data as FakeWorkerCommand;
  if (command.workerId === settings.workerId) obey(command);
});
port.on("message", (message: PostedToWorker) => answer(message));

if (behaviour === "throw-at-start") throw new Error("cannot even start");
if (behaviour === "first-takes-port" && settings.workerId === 1) {
  say({ type: "listen-failed", address: "127.0.0.1:80", code: "EACCES", message: "bind EACCES" });
} else if (settings.listenAfterSnapshot !== true) {
  await listen();
}

/** Each connection is told which worker took it, what it served when it bound, and what it serves now. */
async function listen(): Promise<void> {
  const boundAt = generation;
  hasListened = true;
  const ports: number[] = [];
  for (const { host, port: wanted } of settings.listeners) {
    const server = createServer((socket) =>
      socket.end(`worker ${settings.workerId} bound at ${boundAt} serves ${generation}\n`),
    );
    await new Promise<void>((resolve) => server.listen({ host, port: wanted, reusePort: true }, resolve));
    const address = server.address();
    ports.push(typeof address === "object" && address !== null ? address.port : 0);
  }
  say({ type: "listening", ports });
}

function answer(message: PostedToWorker): void {
  switch (message.type) {
    case "snapshot-part":
      if (!message.isLast) break;
      generation = message.generation;
      if (!hasListened) void listen();
      say({ type: "ack", generation });
      break;
    case "endpoints":
      say({ type: "endpoints-ack", sequence: message.sequence });
      break;
    case "collect-metrics":
      say({ type: "metrics", id: message.id, metrics: { families: [] } });
      break;
    case "drain":
      if (behaviour !== "never-drains") say({ type: "drained", abortedConnections: settings.workerId + 1 });
      break;
    case "ticket-keys":
      sayLog(`ticket keys ${Buffer.from(message.ticketKeys).toString("hex").slice(0, 8)}`);
      break;
  }
}

function obey(command: FakeWorkerCommand): void {
  switch (command.do) {
    case "throw":
      say({ type: "access-log", lines: Buffer.from("last words\n") });
      throw new Error("a bug in the worker");
    case "reject":
      void Promise.reject(new Error("nobody caught this"));
      break;
    case "exit":
      process.exit(3);
      break;
    case "hang":
      for (;;);
    case "fill-memory":
      fillMemory();
      break;
    case "say-lines":
      say({ type: "access-log", lines: Buffer.from("one\ntwo\n") });
      break;
  }
}

function fillMemory(): void {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 1_000 }, (_, i) => ({ i })));
}

function sayLog(message: string): void {
  say({ type: "log", level: "info", message, fields: {} });
}

function say(message: FromWorker): void {
  port.postMessage(message);
}
