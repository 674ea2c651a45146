// Makes sockets that read into memory of ours. Node offers `onread` only to sockets that connect; an accepted connection
// gets a socket made on its handle. Measured in bench/micro/socket-reader.ts: 2 of 10 µs a small message.
import net, { type Socket } from "node:net";
import type { OnReadOptions } from "../http1/socket-reader.ts";
import type { AcceptedHandle } from "./accepted-handles.ts";

interface SocketInternals {
  _handle: AcceptedHandle | null;
}

/** @returns a socket on an accepted connection, which reads from now on. */
export function openSocket(handle: AcceptedHandle, onread: OnReadOptions): Socket {
  return new net.Socket({ handle, allowHalfOpen: true, onread } as unknown as net.SocketConstructorOpts);
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
