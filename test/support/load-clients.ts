// Many keep-alive connections that each send one request after the other, and count what goes wrong.
import net, { type Socket } from "node:net";
import tls from "node:tls";

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly host: string;
  readonly path?: string;
  /** Over TLS: on connections that stay, or with a new one for each request, so that handshakes go on all the time. */
  readonly tls?: "keep-alive" | "handshakes";
}

const HEAD_END = Buffer.from("\r\n\r\n");

export class LoadClients {
  readonly #options: LoadOptions;
  readonly #sockets = new Set<Socket>();
  readonly #waiters = new Set<() => void>();
  #isStopping = false;
  /** Complete answers by status. */
  readonly statuses: Map<number, number> = new Map();
  /** Connections that ended within a request. */
  broken = 0;
  inFlight = 0;
  /** Of TLS: fingerprints of the certificates that were served. */
  readonly fingerprints: Set<string> = new Set();

  constructor(options: LoadOptions) {
    this.#options = options;
    for (let i = 0; i < options.connections; i++) this.#open();
  }

  get completed(): number {
    let sum = 0;
    for (const count of this.statuses.values()) sum += count;
    return sum;
  }

  /** What was not answered with 200, as text for assertions. */
  get failures(): string {
    const others = [...this.statuses].filter(([status]) => status !== 200);
    return [
      ...others.map(([status, count]) => `${count} × ${status}`),
      ...(this.broken > 0 ? [`${this.broken} broken`] : []),
    ].join(", ");
  }

  async until(condition: (clients: LoadClients) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiters.delete(wake);
          resolve();
        };
        this.#waiters.add(wake);
      });
    }
  }

  /** Lets what is in flight finish, then closes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.until(() => this.inFlight === 0);
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): void {
    const { port, host } = this.#options;
    const socket =
      this.#options.tls !== undefined
        ? tls.connect({ port, host: "127.0.0.1", servername: host, rejectUnauthorized: false })
        : net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.#sockets.add(socket);
    let received: Buffer = Buffer.alloc(0);
    let isWaiting = false;
    const send = (): void => {
      if (this.#isStopping) return;
      isWaiting = true;
      this.inFlight++;
      socket.write(`GET ${this.#options.path ?? "/"} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    };
    socket.on(socket instanceof tls.TLSSocket ? "secureConnect" : "connect", () => {
      if (socket instanceof tls.TLSSocket) this.fingerprints.add(socket.getPeerCertificate().fingerprint256);
      send();
    });
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const headEnd = received.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = received.toString("latin1", 0, headEnd);
      const length = Number(/\r\nContent-Length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (received.length < headEnd + 4 + length) return;
      received = received.subarray(headEnd + 4 + length);
      const status = Number(head.slice(9, 12));
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      isWaiting = false;
      this.inFlight--;
      this.#wake();
      if (this.#options.tls === "handshakes" || /\r\nConnection: close/i.test(head)) socket.destroy();
      else send();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (isWaiting) {
        this.broken++;
        this.inFlight--;
      }
      this.#wake();
      if (!this.#isStopping) this.#open();
    });
  }

  #wake(): void {
    for (const waiter of Array.from(this.#waiters)) waiter();
  }
}
