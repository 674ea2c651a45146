// Ports for listeners, below the range from which the kernel takes the ports of outgoing connections.
import { once } from "node:events";
import { createServer } from "node:net";

const FIRST = 10_000;
const LAST = 30_000;
let next = FIRST + Math.floor(Math.random() * (LAST - FIRST));

/** Ports that nobody listens on now; each is handed out once in a run, so that no sample meets another's old connections. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries > 200) throw new Error(`no free port between ${FIRST} and ${LAST}`);
    next = next >= LAST ? FIRST : next + 1;
    if (await isFree(next)) ports.push(next);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    const listening = once(server, "listening");
    server.listen(port, "127.0.0.1");
    await listening;
  } catch {
    return false;
  }
  const closed = once(server, "close");
  server.close();
  await closed;
  return true;
}
