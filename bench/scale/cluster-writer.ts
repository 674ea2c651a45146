// Writes to the API server as fast or as steadily as asked. Throws with the server's own words where it refuses.
import { setTimeout } from "node:timers/promises";
import type { ApiClient, ApiRequest } from "../../src/source/kubernetes/client/api-client.ts";
import type { ApiObject } from "./world.ts";

/** The API server's own limits for mutating requests are 200 at once. */
const WRITERS = 48;
const ALREADY_EXISTS = 409;
const NOT_FOUND = 404;
const WRITE_TIMEOUT_MS = 60_000;
/** Each has a connection. */
const MAX_IN_FLIGHT = 100;

export class ClusterWriter {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Makes all of them, several at once; one that is there already gets the same content. */
  async create(objects: Iterable<ApiObject>): Promise<void> {
    const rest = objects[Symbol.iterator]();
    const write = async (): Promise<void> => {
      for (let next = rest.next(); next.done !== true; next = rest.next()) {
        const { collection, name, body } = next.value;
        const status = await this.#send({ method: "POST", path: collection, body }, ALREADY_EXISTS);
        if (status === ALREADY_EXISTS) await this.patch(`${collection}/${name}`, body);
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
  }

  /** A merge patch. */
  async patch(path: string, body: object): Promise<void> {
    await this.#send({ method: "PATCH", path, body }, null);
  }

  async remove(path: string): Promise<void> {
    await this.#send({ method: "DELETE", path }, NOT_FOUND);
  }

  async #send(request: ApiRequest, tolerated: number | null): Promise<number> {
    const { status, body } = await this.#client.send({ ...request, timeoutMs: WRITE_TIMEOUT_MS });
    if (status < 300 || status === tolerated) return status;
    throw new Error(`${request.method} ${request.path}: ${status} ${JSON.stringify(body)}`);
  }
}

/**
 * Starts `perSecond` tasks a second for `seconds`, on time as long as no more than `MAX_IN_FLIGHT` are under way, and waits
 * for all of them.
 * @returns how many seconds it took until the last one ended: more than `seconds` where the cluster was too slow.
 */
export async function runSteadily(
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
  task: (number: number) => Promise<void>,
): Promise<number> {
  const startedAt = performance.now();
  const underWay = new Set<Promise<void>>();
  const count = perSecond * seconds;
  for (let i = 0; i < count; i += 1) {
    const dueInMs = startedAt + (i * 1_000) / perSecond - performance.now();
    if (dueInMs > 1) await setTimeout(dueInMs);
    while (underWay.size >= MAX_IN_FLIGHT) await Promise.race(underWay);
    const running = task(i).finally(() => underWay.delete(running));
    underWay.add(running);
  }
  await Promise.all(underWay);
  return (performance.now() - startedAt) / 1_000;
}
