// Takes accepted connections from a listening server before Node makes a socket of each. A TcpSocket works on
// the handle alone, and a socket that Node made would have to be thrown away again.
// Where this Node has no such hook, `connection` events come as ever.
import type { Server } from "node:net";
import { canMakeSockets, type TcpHandle } from "./tcp-handles.ts";

interface ListeningHandle {
  onconnection: (status: number, accepted: TcpHandle | undefined) => void;
  setNoDelay(enable: boolean): number;
}

/** Linux gives accepted connections the options of the listening socket, so that one call serves them all. */
const INHERITS_OPTIONS = process.platform === "linux";

/**
 * From now on connections go to `accept` in place of `connection` listeners, with Nagle's algorithm off.
 * @param server listening; it counts none of these connections.
 * @returns false where this Node does not work that way: the server goes on as before.
 */
export function takeAcceptedHandles(server: Server, accept: (accepted: TcpHandle) => void): boolean {
  const listening = (server as unknown as { readonly _handle?: Partial<ListeningHandle> | null })._handle;
  if (typeof listening?.onconnection !== "function" || typeof listening.setNoDelay !== "function") return false;
  if (!canMakeSockets(listening)) return false;
  const isInherited = INHERITS_OPTIONS && listening.setNoDelay(true) === 0;
  listening.onconnection = (_status, accepted) => {
    // A failure is that of one connection, or of too many open files: neither is the end of the listener.
    if (accepted === undefined) return;
    if (!isInherited) accepted.setNoDelay(true);
    accept(accepted);
  };
  return true;
}
