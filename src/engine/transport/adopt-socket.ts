// Makes a socket that reads into memory of ours of one that Node accepted without. Node offers `onread` only to sockets that
// connect. Cleartext connections come this way where `accepted-handles.ts` cannot have them first.
import net, { type Socket } from "node:net";
import type { OnReadOptions } from "./socket-reader.ts";

interface SocketInternals {
  _handle: object | null;
}

/**
 * Takes a connection over from another socket.
 * @param accepted not reading (`pauseOnConnect`, or paused); not used any more after the call.
 * @returns a socket on the same connection.
 */
export function adoptSocket(accepted: Socket, onread: OnReadOptions): Socket {
  const internals = accepted as unknown as SocketInternals;
  const handle = internals._handle;
  internals._handle = null;
  const socket = new net.Socket({ handle, allowHalfOpen: true, onread } as unknown as net.SocketConstructorOpts);
  // Without a handle this ends nothing but the server's count of its connections.
  accepted.destroy();
  return socket;
}
