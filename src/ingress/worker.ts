// The module that every worker thread runs. It connects an IngressWorker to the thread's port, and nothing else.
import { parentPort, workerData } from "node:worker_threads";
import type { PostedToWorker, WorkerSettings } from "../dataplane/protocol.ts";
import { IngressWorker } from "./ingress-worker.ts";

if (parentPort === null) throw new Error("this module runs in worker threads only");
const port = parentPort;
const worker = new IngressWorker(workerData as WorkerSettings, (message, transfer = []) => {
  port.postMessage(message, [...transfer]);
});
port.on("message", (message: PostedToWorker) => worker.receive(message));
await worker.start();
