// A peer on loopback that leaves connecting clients without an answer, as one does whose network is gone: a thread that
// listens, but never accepts, behind a queue that is full. Needs no rights.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";

/** What the kernel completes without the thread is one more than that. */
const BACKLOG = 1;

const LISTEN = `
  const { createServer } = require("node:net");
  const { parentPort, workerData } = require("node:worker_threads");
  const server = createServer((socket) => socket.on("error", () => undefined).end(workerData.answer));
  server.listen({ host: "127.0.0.1", port: 0, backlog: ${BACKLOG} }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(workerData.gate, 0, 0);
  });
`;

export interface SilentPeer {
  readonly address: "127.0.0.1";
  readonly port: number;
  /** From now on connections are accepted, answered with `answer` and closed; also those that the kernel repeats. */
  wake(): void;
}

/** @param answer what the peer says to whoever connects once it is awake. */
export async function startSilentPeer(t: TestContext, answer = ""): Promise<SilentPeer> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(LISTEN, { eval: true, workerData: { gate, answer } });
  const fillers: Socket[] = [];
  t.after(async () => {
    for (const filler of fillers) filler.destroy();
    await thread.terminate();
  });
  const [port] = (await once(thread, "message")) as [number];
  for (let count = 0; count <= BACKLOG; count++) {
    const filler = connect(port, "127.0.0.1");
    filler.on("error", () => undefined);
    fillers.push(filler);
    await once(filler, "connect");
  }
  return {
    address: "127.0.0.1",
    port,
    wake: () => {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    },
  };
}
