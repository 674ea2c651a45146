// Many WebSockets that stay open, each sending a text now and then and waiting for its echo (RFC 6455, the client's side).
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import net from "node:net";
import type { Socket } from "node:net";
import tls from "node:tls";
import type { Target } from "./http-client.ts";

export interface WebSocketLoadOptions {
  readonly target: Target;
  readonly host: string;
  readonly path?: string;
  readonly scheme?: "http" | "https";
  readonly count: number;
  /** Between two texts of one connection; default 1 s. */
  readonly intervalMs?: number;
}

export interface WebSocketReport {
  readonly opened: number;
  /** Answers to the handshake other than 101, or errors before it. */
  readonly refused: readonly string[];
  /** Connections that ended before we ended them, with how: `closed` where it was in order (FIN), else the error. */
  readonly lost: readonly string[];
  readonly sent: number;
  readonly echoed: number;
}

const HANDSHAKE_TIMEOUT_MS = 20_000;

export class WebSocketLoad {
  readonly #options: WebSocketLoadOptions;
  /** Open ones, with the pod that answered. */
  readonly #sockets = new Map<Socket, string>();
  readonly #refused: string[] = [];
  readonly #lost: string[] = [];
  readonly #waiters = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;
  #opened = 0;
  #settled = 0;
  #sent = 0;
  #echoed = 0;

  private constructor(options: WebSocketLoadOptions) {
    this.#options = options;
  }

  /** Opens all; resolves when each was answered or refused, and texts go on from then. */
  static async open(options: WebSocketLoadOptions): Promise<WebSocketLoad> {
    const load = new WebSocketLoad(options);
    for (let i = 0; i < options.count; i++) load.#open();
    await load.#until(() => load.#settled >= options.count);
    load.#timer = setInterval(() => load.#sendAll(), options.intervalMs ?? 1_000);
    return load;
  }

  /** Connections that are open now. */
  get active(): number {
    return this.#opened - this.#lost.length;
  }

  /** Connections that are open now, by the echo server's pod at their other end. */
  get activeByPod(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const pod of this.#sockets.values()) counts.set(pod, (counts.get(pod) ?? 0) + 1);
    return counts;
  }

  /** Resolves when at most so many are open. */
  async untilActiveAtMost(count: number): Promise<void> {
    await this.#until(() => this.active <= count);
  }

  /** Resolves when so many more echoes came. */
  async afterMore(count: number): Promise<void> {
    const goal = this.#echoed + count;
    await this.#until(() => this.#echoed >= goal || this.active === 0);
  }

  /** Sends once more on all, waits for every echo (or the end of its connection), and ends them. */
  async stop(): Promise<WebSocketReport> {
    clearInterval(this.#timer);
    this.#sendAll();
    await this.#until(() => this.#echoed >= this.#sent || this.#lost.length > 0);
    this.#isStopping = true;
    for (const socket of this.#sockets.keys()) socket.destroy();
    return {
      opened: this.#opened,
      refused: this.#refused,
      lost: this.#lost,
      sent: this.#sent,
      echoed: this.#echoed,
    };
  }

  #open(): void {
    const { target, host, path = "/", scheme = "http" } = this.#options;
    const socket =
      scheme === "https"
        ? tls.connect({ host: target.address, port: target.httpsPort, servername: host, rejectUnauthorized: false })
        : net.connect({ host: target.address, port: target.httpPort });
    const key = randomBytes(16).toString("base64");
    socket.once(scheme === "https" ? "secureConnect" : "connect", () => {
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
    let isOpen = false;
    let received: Buffer = Buffer.alloc(0);
    let how = "";
    const settle = (refusal: string): void => {
      clearTimeout(timer);
      this.#settled++;
      if (refusal !== "") this.#refused.push(refusal);
      this.#wake();
    };
    const timer = setTimeout(() => socket.destroy(new Error("no answer to the handshake")), HANDSHAKE_TIMEOUT_MS);
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (!isOpen) {
        const end = received.indexOf("\r\n\r\n");
        if (end < 0) return;
        const statusLine = received.toString("latin1", 0, received.indexOf("\r\n"));
        if (!statusLine.startsWith("HTTP/1.1 101 ")) {
          how = statusLine;
          socket.destroy();
          return;
        }
        isOpen = true;
        this.#opened++;
        this.#sockets.set(socket, /^x-echo-pod: *(\S+)/im.exec(received.toString("latin1", 0, end))?.[1] ?? "");
        received = received.subarray(end + 4);
        settle("");
      }
      received = this.#readFrames(received);
    });
    socket.on("error", (error) => (how = error.message));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (!isOpen) settle(how === "" ? "closed before the handshake" : how);
      else if (!this.#isStopping) this.#lost.push(how === "" ? "closed" : how);
      this.#wake();
    });
  }

  /** Counts whole frames; the server's are not masked. */
  #readFrames(bytes: Buffer): Buffer {
    let rest = bytes;
    while (rest.length >= 2) {
      const length = 2 + ((rest[1] ?? 0) & 0x7f);
      if (rest.length < length) break;
      if (((rest[0] ?? 0) & 0x0f) === 1) this.#echoed++;
      rest = rest.subarray(length);
    }
    this.#wake();
    return rest;
  }

  #sendAll(): void {
    const payload = Buffer.from("over there?");
    for (const socket of this.#sockets.keys()) {
      const mask = randomBytes(4);
      const masked = Buffer.from(payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
      socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]));
      this.#sent++;
    }
  }

  #wake(): void {
    for (const waiter of Array.from(this.#waiters)) waiter();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiters.delete(wake);
          resolve();
        };
        this.#waiters.add(wake);
      });
    }
  }
}

/** All were opened, none ended, and every text came back. */
export function assertNoneLost(report: WebSocketReport, wanted: number): void {
  assert.deepEqual(report.refused, [], "WebSockets were refused");
  assert.deepEqual(report.lost, [], "WebSockets were lost");
  assert.equal(report.opened, wanted);
  assert.equal(report.echoed, report.sent, "texts without an echo");
  assert.ok(report.sent > 0, "nothing was sent");
}
