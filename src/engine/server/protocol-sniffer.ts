// Tells HTTP/2 with prior knowledge from HTTP/1 on cleartext connections by the first bytes (RFC 9113 §3.4).
import { type TimerTarget, type TimerWheel, WheelTimer } from "../../lib/timer-wheel.ts";
import { type ByteSocket, listenTo, type SocketEvents } from "../transport/byte-socket.ts";
import type { ReadTarget } from "../transport/socket-reader.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** `h2`, `http/1.1`, or null while the bytes so far could be the beginning of either. */
function detectProtocol(bytes: Buffer): "h2" | "http/1.1" | null {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== PREFACE[i]) return "http/1.1";
  }
  return length === PREFACE.length ? "h2" : null;
}

/** Gets the protocol with the bytes read so far, or null: the client went away, or said nothing in time. */
export type ProtocolDecision = (protocol: "h2" | "http/1.1" | null, bytes: Buffer) => void;

export interface SnifferContext {
  readonly application: { readonly wheel: TimerWheel };
  readonly limits: { readonly headerTimeoutMs: number };
}

/** The first reader of a cleartext connection. */
export class ProtocolSniffer implements ReadTarget, SocketEvents, TimerTarget {
  readonly holdsReadBuffer = false;
  readonly #socket: ByteSocket;
  readonly #timer: WheelTimer;
  #decide: ProtocolDecision | null;
  #bytes: Buffer | null = null;

  constructor(socket: ByteSocket, context: SnifferContext, decide: ProtocolDecision) {
    this.#socket = socket;
    this.#decide = decide;
    this.#timer = new WheelTimer(context.application.wheel, this);
    this.#timer.arm(context.limits.headerTimeoutMs);
    listenTo(socket, this);
  }

  onRead(chunk: Buffer): void {
    const bytes: Buffer = this.#bytes === null ? chunk : Buffer.concat([this.#bytes, chunk]);
    const protocol = detectProtocol(bytes);
    if (protocol === null) this.#bytes = Buffer.from(bytes);
    else this.#finish(protocol, bytes);
  }

  onTimer(): void {
    this.#finish(null, EMPTY);
  }

  onSocketEnd(): void {
    this.#finish(null, EMPTY);
  }

  onSocketClose(): void {
    this.#finish(null, EMPTY);
  }

  onSocketDrain(): void {
    // Nothing was written yet.
  }

  onSocketError(): void {
    // `close` follows.
  }

  #finish(protocol: "h2" | "http/1.1" | null, bytes: Buffer): void {
    const decide = this.#decide;
    if (decide === null) return;
    this.#decide = null;
    this.#timer.dispose();
    if (protocol === null) this.#socket.destroy();
    decide(protocol, bytes);
  }
}

const EMPTY = Buffer.alloc(0);
