// An HTTP/2 client of single frames (RFC 9113 §4): it sends exactly what a test says, valid or not, and records what
// comes back. It opens no window and acknowledges no settings by itself; it answers PINGs unless told not to.
import type { Socket } from "node:net";
import { encodeHeaders, HpackDecoder } from "./hpack.ts";
import type { HeaderPair } from "./hpack.ts";

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** Error codes of RFC 9113 §7. */
export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
} as const;

export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  /** Of a HEADERS frame. */
  readonly headers: readonly HeaderPair[];
}

/** What has come of one response so far. */
export interface RawResponse {
  /** 0 before the final head. */
  readonly status: number;
  readonly informational: readonly number[];
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly trailers: ReadonlyMap<string, string> | null;
  readonly isEnded: boolean;
  /** Error code of RST_STREAM, -1 where none came. */
  readonly resetCode: number;
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function headersFrame(streamId: number, pairs: readonly HeaderPair[], endStream = true): Buffer {
  const flags = Flag.endHeaders | (endStream ? Flag.endStream : 0);
  return frame(FrameType.headers, flags, streamId, encodeHeaders(pairs));
}

export function dataFrame(streamId: number, data: string | Buffer, endStream = false): Buffer {
  return frame(FrameType.data, endStream ? Flag.endStream : 0, streamId, Buffer.from(data));
}

export function rstStreamFrame(streamId: number, code: number = ErrorCode.cancel): Buffer {
  return frame(FrameType.rstStream, 0, streamId, uint32(code));
}

export function windowUpdateFrame(streamId: number, increment: number): Buffer {
  return frame(FrameType.windowUpdate, 0, streamId, uint32(increment));
}

export function pingFrame(): Buffer {
  return frame(FrameType.ping, 0, 0, Buffer.alloc(8));
}

export function settingsAckFrame(): Buffer {
  return frame(FrameType.settings, Flag.ack, 0);
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[] = []): Buffer {
  const payload = Buffer.concat(
    settings.map(([id, value]) => {
      const bytes = Buffer.alloc(6);
      bytes.writeUInt16BE(id, 0);
      bytes.writeUInt32BE(value, 2);
      return bytes;
    }),
  );
  return frame(FrameType.settings, 0, 0, payload);
}

/** The pseudo-headers of a GET, with changes: a value of null leaves one out. */
export function requestPairs(
  changes: Readonly<Record<string, string | null>> = {},
  more: readonly HeaderPair[] = [],
): HeaderPair[] {
  const pseudo = new Map<string, string | null>([
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", "shop.example"],
    [":path", "/"],
  ]);
  for (const [name, value] of Object.entries(changes)) pseudo.set(name, value);
  const pairs: HeaderPair[] = [];
  for (const [name, value] of pseudo) {
    if (value !== null) pairs.push([name, value]);
  }
  return [...pairs, ...more];
}

export class RawHttp2 {
  readonly frames: Frame[] = [];
  answersPings = true;
  readonly #framesByStream = new Map<number, Frame[]>();
  #pingAcks = 0;
  readonly #socket: Socket;
  readonly #decoder = new HpackDecoder();
  readonly #waiters = new Set<() => void>();
  #buffered: Buffer = Buffer.alloc(0);
  #isClosed = false;

  /** @param socket connected; the client reads it from now on. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay();
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    // A reset connection is an outcome here, not a failure.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Preface and first SETTINGS. */
  start(settings: readonly (readonly [id: number, value: number])[] = []): void {
    this.send(PREFACE, settingsFrame(settings));
  }

  send(...frames: Buffer[]): void {
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(frames));
  }

  /** Sends and waits until the kernel took it, so that a flood meets the server's own pace. False once closed. */
  async sendAndDrain(bytes: Buffer): Promise<boolean> {
    if (this.#isClosed || this.#socket.destroyed) return false;
    // A client that does not read is woken by nothing else, and `drain` comes only after large writes.
    this.#socket.write(bytes, () => this.#wake());
    await this.until(() => this.#socket.writableLength === 0 || this.#isClosed);
    return !this.#isClosed;
  }

  stopReading(): void {
    this.#socket.pause();
  }

  continueReading(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves as soon as `condition` holds; it is asked after each frame and at the connection's end. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        this.#waiters.delete(check);
        this.#socket.off("drain", check);
        resolve();
      };
      this.#waiters.add(check);
      this.#socket.on("drain", check);
    });
  }

  async untilClosed(): Promise<void> {
    await this.until(() => this.#isClosed);
  }

  /** The first frame of a type, now or later; null when the connection ends without it. */
  async frameOf(type: number, streamId?: number): Promise<Frame | null> {
    const find = (): Frame | undefined => {
      const frames = streamId === undefined ? this.frames : (this.#framesByStream.get(streamId) ?? []);
      return frames.find((one) => one.type === type);
    };
    await this.until(() => find() !== undefined || this.#isClosed);
    return find() ?? null;
  }

  /** Sends a PING and waits for its answer: everything sent before it has then been read. */
  async settle(): Promise<void> {
    const before = this.#pingAcks;
    this.send(pingFrame());
    await this.until(() => this.#pingAcks > before || this.#isClosed);
  }

  /** Error code of GOAWAY, -1 when the connection ended without one. */
  async goawayCode(): Promise<number> {
    const goaway = await this.frameOf(FrameType.goaway);
    return goaway === null ? -1 : goaway.payload.readUInt32BE(4);
  }

  response(streamId: number): RawResponse {
    const informational: number[] = [];
    let status = 0;
    let headers = new Map<string, string>();
    let trailers: Map<string, string> | null = null;
    let body = "";
    let isEnded = false;
    let resetCode = -1;
    for (const one of this.#framesByStream.get(streamId) ?? []) {
      if (one.type === FrameType.rstStream) resetCode = one.payload.readUInt32BE(0);
      if (one.type === FrameType.data) body += one.payload.toString("latin1");
      if (one.type === FrameType.headers) {
        const lines = joinLines(one.headers);
        const code = Number(lines.get(":status"));
        if (status !== 0) trailers = lines;
        else if (code < 200) informational.push(code);
        else {
          status = code;
          headers = lines;
        }
      }
      const endsStream = (one.flags & Flag.endStream) !== 0;
      if (endsStream && (one.type === FrameType.data || one.type === FrameType.headers)) isEnded = true;
    }
    return { status, informational, headers, body, trailers, isEnded, resetCode };
  }

  /** Waits for a response's end, its reset or the connection's end. */
  async responseOf(streamId: number): Promise<RawResponse> {
    await this.until(() => {
      const { isEnded, resetCode } = this.response(streamId);
      return isEnded || resetCode >= 0 || this.#isClosed;
    });
    return this.response(streamId);
  }

  async resetOf(streamId: number): Promise<number> {
    const reset = await this.frameOf(FrameType.rstStream, streamId);
    return reset === null ? -1 : reset.payload.readUInt32BE(0);
  }

  #receive(chunk: Buffer): void {
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    let position = 0;
    while (this.#buffered.length - position >= 9) {
      const length = this.#buffered.readUIntBE(position, 3);
      if (this.#buffered.length - position < 9 + length) break;
      this.#record(this.#buffered.subarray(position, position + 9 + length));
      position += 9 + length;
    }
    this.#buffered = this.#buffered.subarray(position);
    this.#wake();
  }

  #record(bytes: Buffer): void {
    const type = bytes[3] as number;
    const payload = bytes.subarray(9);
    const flags = bytes[4] as number;
    const streamId = bytes.readUInt32BE(5) & 0x7fffffff;
    const headers = type === FrameType.headers ? this.#decoder.decode(payload) : [];
    const one: Frame = { type, flags, streamId, payload, headers };
    this.frames.push(one);
    const ofStream = this.#framesByStream.get(streamId);
    if (ofStream === undefined) this.#framesByStream.set(streamId, [one]);
    else ofStream.push(one);
    if (type !== FrameType.ping) return;
    if ((flags & Flag.ack) !== 0) this.#pingAcks++;
    else if (this.answersPings) this.send(frame(FrameType.ping, Flag.ack, 0, Buffer.from(payload)));
  }

  #wake(): void {
    for (const check of this.#waiters) check();
  }
}

function joinLines(pairs: readonly HeaderPair[]): Map<string, string> {
  const lines = new Map<string, string>();
  for (const [name, value] of pairs) {
    const earlier = lines.get(name);
    lines.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return lines;
}
