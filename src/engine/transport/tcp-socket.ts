// A TCP connection on the runtime's handle, without Node's stream machinery: what goes in or out costs the system call and
// little more, and a connection that serves one request does not pay for a stream's construction and end. Semantics are
// those of `net.Socket` with `allowHalfOpen`; measured in docs/adr/0008.
import { getSystemErrorName } from "node:util";
import type { DirectSocket, SocketEvents } from "./byte-socket.ts";
import type { SocketReader } from "./socket-reader.ts";
import {
  type ConnectRequest,
  type ShutdownRequest,
  type StreamBinding,
  streams,
  type TcpBinding,
  type TcpHandle,
  type WriteRequest,
} from "./tcp-handles.ts";

/** As Node's. */
const HIGH_WATER_MARK = 64 * 1024;
/** libuv's code for the end of a stream. */
const END_OF_FILE = -4095;
/** After so long without a byte the kernel asks whether the other side is still there. */
const KEEP_ALIVE_SECONDS = 60;

const {
  WriteWrap: Write,
  ShutdownWrap: Shutdown,
  streamBaseState: state,
  kReadBytesOrError: READ,
  kBytesWritten: WRITTEN,
  kLastWriteWasAsync: IS_ASYNC,
} = streams ?? ({} as StreamBinding);

/** The request of the next write; it is used up only by a write that the kernel did not take at once. */
let spareWrite: WriteRequest | null = null;

export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

export class TcpSocket implements DirectSocket {
  /** Set before anything can happen, that is in the turn that made the socket. */
  events!: SocketEvents;
  readonly writableHighWaterMark: number = HIGH_WATER_MARK;
  destroyed = false;
  writableLength = 0;
  writableNeedDrain = false;
  readonly #handle: TcpHandle;
  readonly #reader: SocketReader;
  /** What the handle reads into; it holds no reference of its own. */
  #buffer: Buffer;
  #corked: (string | Uint8Array)[] | null = null;
  #peer: { address?: string; port?: number } | null = null;
  #hasEnded = false;
  #isShutDown = false;
  #hasPeerEnded = false;

  private constructor(handle: TcpHandle, reader: SocketReader) {
    this.#handle = handle;
    this.#reader = reader;
    this.#buffer = reader.nextBuffer();
  }

  /** A socket on an accepted connection, which nobody else uses; reads from now on. */
  static accept(handle: TcpHandle, reader: SocketReader): TcpSocket {
    const socket = new TcpSocket(handle, reader);
    socket.#startReading();
    return socket;
  }

  /**
   * A socket that connects, and is not to be used before `onConnected`. Where it cannot, `onSocketError` says so.
   * @param address IPv4 or IPv6.
   */
  static connect(binding: TcpBinding, remote: RemoteAddress, reader: SocketReader, onConnected: () => void): TcpSocket {
    const handle = new binding.TCP(binding.constants.SOCKET);
    const socket = new TcpSocket(handle, reader);
    const request: ConnectRequest = new binding.TCPConnectWrap();
    request.oncomplete = (status) => {
      if (socket.destroyed) return;
      if (status < 0) socket.#fail(status, "connect");
      else {
        handle.setNoDelay(true);
        handle.setKeepAlive(true, KEEP_ALIVE_SECONDS);
        socket.#startReading();
        onConnected();
      }
    };
    const { address, port } = remote;
    const error = address.includes(":")
      ? handle.connect6(request, address, port)
      : handle.connect(request, address, port);
    if (error !== 0) socket.#failLater(error, "connect");
    return socket;
  }

  #startReading(): void {
    this.#handle.onread = () => this.#onRead();
    this.#handle.useUserBuffer(this.#buffer);
    this.resume();
  }

  /** Undefined where the other side is gone already. */
  get remoteAddress(): string | undefined {
    return this.#peerName().address;
  }

  get remotePort(): number | undefined {
    return this.#peerName().port;
  }

  #peerName(): { address?: string; port?: number } {
    if (this.#peer === null) {
      this.#peer = {};
      if (!this.destroyed) this.#handle.getpeername(this.#peer);
    }
    return this.#peer;
  }

  // ---- reading ---------------------------------------------------------------------------------------------------

  /** @returns where the next bytes go, where that is another place. */
  #onRead(): Uint8Array | undefined {
    const bytesRead = state[READ] as number;
    if (this.destroyed || bytesRead === 0) return undefined;
    if (bytesRead > 0) {
      this.#reader.deliver(bytesRead, this.#buffer);
      const next = this.#reader.nextBuffer();
      if (next === this.#buffer) return undefined;
      this.#buffer = next;
      return next;
    }
    if (bytesRead === END_OF_FILE) this.#onEnd();
    else this.#fail(bytesRead, "read");
    return undefined;
  }

  #onEnd(): void {
    this.#hasPeerEnded = true;
    this.events.onSocketEnd();
    this.#closeIfDone();
  }

  pause(): void {
    if (!this.destroyed) this.#handle.readStop();
  }

  resume(): void {
    if (this.destroyed || this.#hasPeerEnded) return;
    const error = this.#handle.readStart();
    if (error !== 0) this.#failLater(error, "read");
  }

  // ---- writing ---------------------------------------------------------------------------------------------------

  write(data: string | Uint8Array, _encoding?: "latin1"): boolean {
    if (this.destroyed || this.#hasEnded) return false;
    if (this.#corked !== null) {
      this.#corked.push(data, "latin1");
      return true;
    }
    const request = this.#takeRequest();
    const error =
      typeof data === "string"
        ? this.#handle.writeLatin1String(request, data)
        : this.#handle.writeBuffer(request, data);
    return this.#wrote(request, data, error);
  }

  cork(): void {
    this.#corked ??= [];
  }

  uncork(): void {
    const chunks = this.#corked;
    this.#corked = null;
    if (chunks === null || chunks.length === 0 || this.destroyed) return;
    const request = this.#takeRequest();
    this.#wrote(request, chunks, this.#handle.writev(request, chunks));
  }

  #takeRequest(): WriteRequest {
    const request = spareWrite ?? new Write();
    spareWrite = null;
    return request;
  }

  #wrote(request: WriteRequest, data: unknown, error: number): boolean {
    if (error !== 0) {
      spareWrite = request;
      this.#failLater(error, "write");
      return false;
    }
    if (state[IS_ASYNC] === 0) {
      spareWrite = request;
      return true;
    }
    const length = state[WRITTEN] as number;
    request.data = data;
    request.length = length;
    request.socket = this;
    request.oncomplete = onWriteComplete;
    this.writableLength += length;
    if (this.writableLength < HIGH_WATER_MARK) return true;
    this.writableNeedDrain = true;
    return false;
  }

  /** A write that was not done at once. @param status 0, or a negative error. */
  onWritten(length: number, status: number): void {
    if (this.destroyed) return;
    if (status < 0) {
      this.#fail(status, "write");
      return;
    }
    this.writableLength -= length;
    if (this.writableLength > 0 || !this.writableNeedDrain) return;
    this.writableNeedDrain = false;
    this.events.onSocketDrain();
  }

  // ---- ends ------------------------------------------------------------------------------------------------------

  /** FIN, after what waits to be written. */
  end(): void {
    if (this.destroyed || this.#hasEnded) return;
    this.#hasEnded = true;
    const request: ShutdownRequest = new Shutdown();
    request.oncomplete = () => {
      this.#isShutDown = true;
      this.#closeIfDone();
    };
    const error = this.#handle.shutdown(request);
    if (error < 0) this.#failLater(error, "shutdown");
  }

  #closeIfDone(): void {
    if (this.#isShutDown && this.#hasPeerEnded) this.destroy();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#handle.close(() => this.events.onSocketClose());
  }

  /** RST: the other side cannot take what it got for complete. */
  resetAndDestroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    const onClosed = (): void => this.events.onSocketClose();
    // With a FIN on its way the runtime can do neither reset nor, after an attempt at it, close.
    if (this.#hasEnded) this.#handle.close(onClosed);
    else this.#handle.reset(onClosed);
  }

  #fail(code: number, call: string): void {
    if (this.destroyed) return;
    this.events.onSocketError(socketError(code, call));
    this.destroy();
  }

  /** Never within a call of who hears of it. */
  #failLater(code: number, call: string): void {
    process.nextTick(() => this.#fail(code, call));
  }
}

/** One function for all writes. The runtime calls it as the request's method. */
function onWriteComplete(this: WriteRequest, status: number): void {
  this.socket?.onWritten(this.length ?? 0, status);
}

function socketError(errno: number, syscall: string): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
}
