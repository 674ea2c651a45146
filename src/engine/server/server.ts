// A server: listeners in front of one application, their limits, and the orderly end of it all.
import type { AddressInfo } from "node:net";
import type { HttpApplication } from "../proxy/http-proxy.ts";
import { Listener } from "./listener.ts";
import { DEFAULT_SERVER_LIMITS, type ServerOptions, SILENT_OBSERVER } from "./server-options.ts";

export class Server {
  readonly #application: HttpApplication;
  readonly #listeners: readonly Listener[];
  #drained: Promise<number> | null = null;

  constructor(options: ServerOptions) {
    const { application } = options;
    const limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
    const observer = options.observer ?? SILENT_OBSERVER;
    this.#application = application;
    const context = { application, limits, observer, countConnections: () => this.connectionCount };
    this.#listeners = options.listeners.map((listener) => new Listener(listener, context));
  }

  /** Binds every listener; rejects with the first one's error, with nothing left bound. */
  async listen(): Promise<readonly AddressInfo[]> {
    try {
      return await Promise.all(this.#listeners.map((listener) => listener.listen()));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    let count = 0;
    for (const listener of this.#listeners) count += listener.connectionCount;
    return count;
  }

  /**
   * Stops accepting, lets requests finish, and closes. After `graceMs` what is still open is cut off.
   * @returns how many connections were cut off.
   */
  drain(graceMs: number): Promise<number> {
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  async #drain(graceMs: number): Promise<number> {
    this.#application.drain();
    const closed = Promise.all(this.#listeners.map((listener) => listener.drain()));
    let timer: NodeJS.Timeout | undefined;
    const graceOver = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([closed, graceOver]);
    clearTimeout(timer);
    const aborted = this.connectionCount;
    for (const listener of this.#listeners) listener.destroyConnections();
    await closed;
    this.#application.close();
    return aborted;
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    await this.drain(0);
  }
}
