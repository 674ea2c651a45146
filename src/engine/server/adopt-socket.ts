// Lets an accepted connection read into memory of ours. Node offers `onread` only to sockets that connect; an accepted
// one is taken over by a socket made with it. Measured in bench/micro/socket-reader.ts: 2 of 10 µs a small message.
import net, { type Socket } from "node:net";
import type { OnReadOptions } from "../http1/socket-reader.ts";

interface SocketInternals {
  _handle: object | null;
}

/**
 * @param accepted not reading (`pauseOnConnect`, or paused); not used any more after the call.
 * @param onread null for a socket that reads as Node's sockets do.
 * @returns a socket on the same connection, not reading yet.
 */
export function adoptSocket(accepted: Socket, onread: OnReadOptions | null): Socket {
  const internals = accepted as unknown as SocketInternals;
  const handle = internals._handle;
  internals._handle = null;
  const options = onread === null ? { handle, allowHalfOpen: true } : { handle, allowHalfOpen: true, onread };
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
  // Without a handle this ends nothing but the server's count of its connections.
  accepted.destroy();
  return socket;
}
