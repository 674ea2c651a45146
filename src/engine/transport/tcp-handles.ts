// The runtime's own streams, as far as tcp-socket.ts works with them. They are not documented: this file is the only one
// that names them and their binding, and says when they are not what they were (docs/adr/0008).

/** A connection's handle. Numbers that methods return are 0 or a negative error of libuv. */
export interface TcpHandle {
  onread: (() => Uint8Array | undefined) | undefined;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Uint8Array): void;
  writeLatin1String(request: WriteRequest, text: string): number;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  /** @param chunks bytes, or text followed by its encoding, each in two places. */
  writev(request: WriteRequest, chunks: readonly (string | Uint8Array)[]): number;
  shutdown(request: ShutdownRequest): number;
  setNoDelay(enable: boolean): number;
  setKeepAlive(enable: boolean, idleSeconds: number): number;
  connect(request: ConnectRequest, address: string, port: number): number;
  connect6(request: ConnectRequest, address: string, port: number): number;
  getpeername(out: { address?: string; port?: number }): number;
  close(callback?: () => void): void;
  reset(callback?: () => void): number;
}

/** One write; may be used again where it was done within the call. */
export interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void;
  /** Memory that must live until then. */
  data?: unknown;
  /** Bytes, and who wants to know when they are written. */
  length?: number;
  socket?: { onWritten(length: number, status: number): void };
}

export interface ShutdownRequest {
  oncomplete?: (status: number) => void;
}

export interface ConnectRequest {
  oncomplete?: (status: number) => void;
}

/** Places in `state`: how the last call on any stream of this thread went. */
export interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kBytesWritten: number;
  readonly kLastWriteWasAsync: number;
}

/** What makes connections. */
export interface TcpBinding {
  readonly TCP: new (type: number) => TcpHandle;
  readonly TCPConnectWrap: new () => ConnectRequest;
  readonly constants: { readonly SOCKET: number };
}

const METHODS = [
  "readStart",
  "readStop",
  "useUserBuffer",
  "writeLatin1String",
  "writeBuffer",
  "writev",
  "shutdown",
  "setNoDelay",
  "setKeepAlive",
  "connect",
  "connect6",
  "getpeername",
  "close",
  "reset",
] as const satisfies readonly (keyof TcpHandle)[];

/** Null in a runtime that has no such streams, or gives them to nobody (`--permission`). */
export const streams: StreamBinding | null = find("stream_wrap", hasStreams);

/** Null where `streams` is. */
export const tcp: TcpBinding | null = find("tcp_wrap", hasTcp);

function find<T>(name: string, isComplete: (found: Partial<T>) => boolean): T | null {
  try {
    const found = (process as unknown as { binding(name: string): Partial<T> }).binding(name);
    return isComplete(found) ? (found as T) : null;
  } catch {
    return null;
  }
}

function hasTcp(found: Partial<TcpBinding>): boolean {
  return (
    streams !== null &&
    typeof found.TCP === "function" &&
    typeof found.TCPConnectWrap === "function" &&
    typeof found.constants?.SOCKET === "number" &&
    canMakeSockets(found.TCP.prototype as object)
  );
}

function hasStreams(found: Partial<StreamBinding>): boolean {
  return (
    typeof found.WriteWrap === "function" &&
    typeof found.ShutdownWrap === "function" &&
    found.streamBaseState instanceof Int32Array &&
    typeof found.kReadBytesOrError === "number" &&
    typeof found.kBytesWritten === "number" &&
    typeof found.kLastWriteWasAsync === "number"
  );
}

/** Whether a TcpSocket works on handles of this one's class, which is that of listening sockets too. */
export function canMakeSockets(handle: object): boolean {
  const candidate = handle as Partial<TcpHandle>;
  return streams !== null && METHODS.every((method) => typeof candidate[method] === "function");
}
