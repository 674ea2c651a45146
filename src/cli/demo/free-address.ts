// Finds out whether an address can be bound, so that the demo can move aside where another program holds its port.
import { once } from "node:events";
import { createServer } from "node:net";
import type { ListenAddress } from "../../config/values/listen-address.ts";

/** The address itself, or any free port of the same host where another program listens on it. */
export async function freeAddress(address: ListenAddress): Promise<ListenAddress> {
  const server = createServer();
  try {
    server.listen({ ...address, exclusive: true });
    await once(server, "listening");
    return address;
  } catch (error) {
    const isInUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    // Any other trouble is for whoever binds it in earnest to report.
    return isInUse ? { ...address, port: 0 } : address;
  } finally {
    server.close();
  }
}
