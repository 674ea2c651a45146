// Asks the proxy again and again until an answer is the one that is waited for. One request at a time for each question, on
// connections that are kept.
import { Agent } from "undici";

/** Longer is no delay any more but a failure. */
const PATIENCE_MS = 60_000;

export class Probe {
  readonly #agent = new Agent({ keepAliveTimeout: 60_000 });
  readonly #origin: string;

  constructor(port: number) {
    this.#origin = `http://127.0.0.1:${port}`;
  }

  /** @returns milliseconds from now until `isServed` held for an answer. */
  async until(host: string, path: string, isServed: (status: number, body: string) => boolean): Promise<number> {
    const startedAt = performance.now();
    for (;;) {
      const answer = await this.#agent.request({ origin: this.#origin, path, method: "GET", headers: { host } });
      const body = await answer.body.text();
      const elapsedMs = performance.now() - startedAt;
      if (isServed(answer.statusCode, body)) return elapsedMs;
      if (elapsedMs > PATIENCE_MS) throw new Error(`${host}${path} is not served after ${PATIENCE_MS} ms`);
    }
  }

  close(): Promise<void> {
    return this.#agent.close();
  }
}
