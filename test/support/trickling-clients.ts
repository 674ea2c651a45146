// Many clients that send heads or bodies byte by byte, all of them whole requests in the end.
import { once } from "node:events";
import net, { type Socket } from "node:net";

export interface TricklingOptions {
  readonly port: number;
  /** How many trickle their head, and how many their body. */
  readonly heads: number;
  readonly bodies: number;
  /** Bytes that each sends after its first piece, one a round. */
  readonly rounds: number;
  /** Bytes of header lines that a client with a trickling head has sent before. */
  readonly headBytes: number;
}

interface Trickler {
  readonly socket: Socket;
  /** What ends the request. */
  readonly tail: string;
  received: string;
}

export class TricklingClients {
  readonly #tricklers: Trickler[] = [];
  readonly #waiters = new Set<() => void>();
  /** Connections that ended, which none should. */
  closed = 0;

  /** Connects all and sends their first pieces. */
  static async start(options: TricklingOptions): Promise<TricklingClients> {
    const clients = new TricklingClients();
    const fill = `X-Fill: ${"f".repeat(1000)}\r\n`;
    const head = `GET / HTTP/1.1\r\nHost: a\r\n${fill.repeat(Math.floor(options.headBytes / fill.length))}X-Slow: `;
    const body = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${options.rounds}\r\n\r\n`;
    for (let i = 0; i < options.heads + options.bodies; i++) {
      const isHead = i < options.heads;
      await clients.#connect(options.port, isHead ? head : body, isHead ? "\r\n\r\n" : "");
    }
    return clients;
  }

  /** One more byte of each, taken by the kernel. */
  async trickle(): Promise<void> {
    await this.#writeAll(() => "s");
  }

  /** Ends the requests and waits for the answers; returns how many came with 200. */
  async finish(): Promise<number> {
    await this.#writeAll(({ tail }) => tail);
    const isAnswered = ({ received }: Trickler): boolean => received.includes("\r\n\r\n");
    while (!this.#tricklers.every((one) => isAnswered(one) || one.socket.destroyed)) await this.#change();
    return this.#tricklers.filter(({ received }) => received.startsWith("HTTP/1.1 200 ")).length;
  }

  /** How many have something of an answer. */
  get answered(): number {
    return this.#tricklers.filter(({ received }) => received !== "").length;
  }

  destroy(): void {
    for (const { socket } of this.#tricklers) socket.destroy();
  }

  async #connect(port: number, first: string, tail: string): Promise<void> {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    const trickler: Trickler = { socket, tail, received: "" };
    this.#tricklers.push(trickler);
    socket.on("data", (chunk: Buffer) => {
      trickler.received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed++;
      this.#wake();
    });
    await once(socket, "connect");
    socket.write(first);
  }

  async #writeAll(textOf: (trickler: Trickler) => string): Promise<void> {
    const writes = this.#tricklers.map(
      (trickler) => new Promise<void>((resolve) => trickler.socket.write(textOf(trickler), () => resolve())),
    );
    await Promise.all(writes);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        resolve();
      };
      this.#waiters.add(wake);
    });
  }

  #wake(): void {
    for (const waiter of Array.from(this.#waiters)) waiter();
  }
}
