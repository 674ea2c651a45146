// A client that writes exactly the bytes it is told to and waits for what comes back: for tests of framing and of ends.
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";

export class RawClient {
  readonly socket: net.Socket;
  /** Everything received, as latin1. */
  received = "";
  hasEnded = false;
  isClosed = false;
  readonly #waiters = new Set<() => void>();

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("end", () => {
      this.hasEnded = true;
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  static async connect(port: number, host = "127.0.0.1"): Promise<RawClient> {
    const socket = net.connect({ port, host, allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  static async connectTls(port: number, options: tls.ConnectionOptions = {}): Promise<RawClient> {
    const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
    await once(socket, "secureConnect");
    return new RawClient(socket);
  }

  write(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Resolves as soon as `condition` holds; rejects where the connection closed before. */
  async until(condition: (client: RawClient) => boolean, what = "the expected bytes"): Promise<this> {
    while (!condition(this)) {
      if (this.isClosed) throw new Error(`closed before ${what}; received ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiters.delete(wake);
          resolve();
        };
        this.#waiters.add(wake);
      });
    }
    return this;
  }

  /** Waits for text within what was received; returns everything received. */
  async untilText(text: string): Promise<string> {
    await this.until((client) => client.received.includes(text), JSON.stringify(text));
    return this.received;
  }

  /** Waits for the peer's end; returns everything received. */
  async untilEnd(): Promise<string> {
    await this.until((client) => client.hasEnded || client.isClosed, "the end");
    return this.received;
  }

  close(): void {
    this.socket.destroy();
  }

  #wake(): void {
    for (const waiter of Array.from(this.#waiters)) waiter();
  }
}

/** Sends bytes on a connection of their own and returns what comes until the server ends it. */
export async function exchangeRaw(port: number, text: string): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(text);
  const received = await client.untilEnd();
  client.close();
  return received;
}
