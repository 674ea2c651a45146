// Lets a TLS socket of a server read into memory of ours, as adopt-socket.ts does for plain ones. Node offers `onread` to
// sockets of `tls.connect` only; the socket underneath is the same. With bodies of 64 KiB the engine alone then takes 164 µs
// a request instead of 236 (docs/adr/0006).
import { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { OnReadOptions } from "./socket-reader.ts";

/** What net.Socket's constructor makes of `onread`. */
interface Slots {
  readonly buffer: symbol;
  readonly generator: symbol;
  readonly callback: symbol;
}

interface SocketInternals {
  readonly _handle: { useUserBuffer?(buffer: Uint8Array): void } | null;
  [slot: symbol]: unknown;
}

const slots = findSlots();

/** Null in a Node that names them otherwise. */
function findSlots(): Slots | null {
  const symbols = Object.getOwnPropertySymbols(new Socket());
  const find = (name: string): symbol | undefined => symbols.find((symbol) => symbol.description === name);
  const buffer = find("kBuffer");
  const generator = find("kBufferGen");
  const callback = find("kBufferCb");
  return buffer === undefined || generator === undefined || callback === undefined
    ? null
    : { buffer, generator, callback };
}

/**
 * Reads from now on, by `onread.callback`.
 * @param socket after its handshake, with nothing read yet; what has been read, or a Node that has changed, makes it read
 * as Node's sockets do.
 */
export function readSecure(socket: TLSSocket, onread: OnReadOptions): void {
  const internals = socket as unknown as SocketInternals;
  const handle = internals._handle;
  if (slots === null || socket.readableLength > 0 || typeof handle?.useUserBuffer !== "function") {
    socket.on("data", (chunk: Buffer) => onread.callback(chunk.length, chunk));
    return;
  }
  const buffer = onread.buffer();
  internals[slots.buffer] = buffer;
  internals[slots.generator] = onread.buffer;
  internals[slots.callback] = onread.callback;
  handle.useUserBuffer(buffer);
  socket.resume();
}
