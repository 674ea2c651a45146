// Binds a server of Node's to an address. What servers do with their connections is theirs.
import type { Server } from "node:net";
import { formatListenAddress } from "./address-text.ts";
import { ListenError } from "./listen-error.ts";

/**
 * @param name of the listener, for messages.
 * @param port 0: any free one.
 * @returns the real port.
 * @throws ListenError
 */
export async function listenOn(server: Server, name: string, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new ListenError(name, formatListenAddress(host, port), code);
  } finally {
    server.removeListener("error", reject);
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
