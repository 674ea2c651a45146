// What the protocols need of a socket, and how they hear of its ends. Node's sockets offer it as they are, for TLS;
// cleartext connections are a TcpSocket.
import { EventEmitter } from "node:events";

/** Methods and counts mean what they mean in `net.Socket`, with `allowHalfOpen`. */
export interface ByteSocket {
  readonly destroyed: boolean;
  /** Bytes that the kernel has not taken yet. */
  readonly writableLength: number;
  /** From here on `write` returns false. */
  readonly writableHighWaterMark: number;
  /** `write` returned false, and `onSocketDrain` is still to come. */
  readonly writableNeedDrain: boolean;
  write(text: string, encoding: "latin1"): boolean;
  write(bytes: Uint8Array): boolean;
  /** Writes that follow are gathered until `uncork`, which comes in the same call, before any `end`. */
  cork(): void;
  uncork(): void;
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
  destroy(): unknown;
  resetAndDestroy(): unknown;
}

/** Who hears of a socket's ends. Its bytes come through a SocketReader. */
export interface SocketEvents {
  /** The other side will send no more. */
  onSocketEnd(): void;
  /** Everything that was written is out, after a `write` that returned false. */
  onSocketDrain(): void;
  /** `onSocketClose` follows. */
  onSocketError(error: Error): void;
  /** The last event. */
  onSocketClose(): void;
}

/** A socket that has one listener, without an emitter's lists. */
export interface DirectSocket extends ByteSocket {
  events: SocketEvents;
}

/** From now on the socket's events go to `events`; with a DirectSocket in place of whom they went to before. */
export function listenTo(socket: ByteSocket, events: SocketEvents): void {
  if (!(socket instanceof EventEmitter)) {
    (socket as DirectSocket).events = events;
    return;
  }
  socket.on("end", () => {
    events.onSocketEnd();
  });
  socket.on("drain", () => {
    events.onSocketDrain();
  });
  socket.on("error", (error: Error) => {
    events.onSocketError(error);
  });
  socket.on("close", () => {
    events.onSocketClose();
  });
}
