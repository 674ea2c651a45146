// Binds every listener once before workers do. Workers share their ports, so only an exclusive bind shows that another
// program, a second Penstock above all, already listens there.
import { createServer } from "node:net";
import type { Server } from "node:net";
import { formatListenAddress } from "../lib/address-text.ts";
import { ListenError } from "../lib/listen-error.ts";
import type { ListenerSettings } from "./protocol.ts";

/** Every address of both families, and what stands for it on a machine without IPv6. */
const EVERY_ADDRESS = "::";
const EVERY_IPV4_ADDRESS = "0.0.0.0";

/**
 * Returns the listeners as this machine can bind them.
 * @throws ListenError for the first that cannot be bound.
 */
export async function checkListeners(listeners: readonly ListenerSettings[]): Promise<readonly ListenerSettings[]> {
  const servers: Server[] = [];
  const bindable: ListenerSettings[] = [];
  try {
    for (const listener of listeners) {
      const { server, host } = await bindAnyFamily(listener);
      servers.push(server);
      bindable.push({ ...listener, host });
    }
    return bindable;
  } finally {
    // All stay bound until here, so that two listeners with one address are noticed.
    await Promise.all(servers.map(close));
  }
}

async function bindAnyFamily(listener: ListenerSettings): Promise<{ server: Server; host: string }> {
  const { host } = listener;
  try {
    return { server: await bind(host, listener.port), host };
  } catch (error) {
    const code = codeOf(error);
    const hasNoIpv6 = code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL";
    if (host === EVERY_ADDRESS && hasNoIpv6) return bindAnyFamily({ ...listener, host: EVERY_IPV4_ADDRESS });
    throw new ListenError(listener.name, formatListenAddress(host, listener.port), code);
  }
}

function bind(host: string, port: number): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  const server = createServer((socket) => socket.destroy());
  server.once("error", reject);
  server.listen({ host, port, exclusive: true }, () => resolve(server));
  return promise;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
