// An upstream that records the exact bytes it gets, connection by connection, and answers what a test tells it to.
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";

export interface OriginConnection {
  readonly socket: Socket;
  /** Everything received, as latin1. */
  received: string;
  isClosed: boolean;
}

/** Called for every read; `connection.received` holds all bytes so far. */
export type OriginScript = (connection: OriginConnection, origin: ScriptedOrigin) => void;

export class ScriptedOrigin {
  readonly connections: OriginConnection[] = [];
  readonly #server: net.Server;
  readonly #waiters = new Set<() => void>();
  script: OriginScript;

  constructor(script: OriginScript) {
    this.script = script;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection: OriginConnection = { socket, received: "", isClosed: false };
      this.connections.push(connection);
      socket.on("data", (chunk: Buffer) => {
        connection.received += chunk.toString("latin1");
        this.script(connection, this);
        this.#wake();
      });
      socket.on("error", () => undefined);
      socket.on("end", () => {
        socket.end();
      });
      socket.on("close", () => {
        connection.isClosed = true;
        this.#wake();
      });
      this.#wake();
    });
  }

  static async start(script: OriginScript): Promise<ScriptedOrigin> {
    const origin = new ScriptedOrigin(script);
    origin.#server.listen(0, "127.0.0.1");
    await once(origin.#server, "listening");
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** All bytes of all connections. */
  get received(): string {
    return this.connections.map((connection) => connection.received).join("");
  }

  async until(condition: (origin: ScriptedOrigin) => boolean): Promise<this> {
    while (!condition(this)) {
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

  async stop(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  #wake(): void {
    for (const waiter of Array.from(this.#waiters)) waiter();
  }
}

/** Answers each complete request without a body with the same bytes. */
export function answerEach(bytes: string): OriginScript {
  const answered = new WeakMap<OriginConnection, number>();
  return (connection) => {
    const heads = connection.received.split("\r\n\r\n").length - 1;
    for (let i = answered.get(connection) ?? 0; i < heads; i++) connection.socket.write(bytes, "latin1");
    answered.set(connection, heads);
  };
}

/** A response with Content-Length. */
export function response(body: string, headers = ""): string {
  return `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}
