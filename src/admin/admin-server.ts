// The HTTP server for people, probes and Prometheus. It reads and never changes anything; requests of the proxy's clients
// do not come here.
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { listenOn } from "../lib/listen.ts";
import { dumpConfig } from "./config-dump.ts";
import type { PublishedConfig } from "./config-dump.ts";
import type { Readiness } from "./readiness.ts";

export interface AdminSources {
  readonly readiness: () => Readiness;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** Null before the first snapshot. */
  readonly config: () => PublishedConfig | null;
  /** 0 before the first snapshot. */
  readonly generation: () => number;
  /** Generation that each running worker serves. */
  readonly workers: () => readonly { readonly workerId: number; readonly generation: number }[];
}

export interface AdminOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly sources: AdminSources;
  /** Told of a request that failed for a reason of ours. */
  readonly onError: (path: string, error: unknown) => void;
}

/** Probes and scrapers are few and quick; whoever is not must not cost much. */
const LIMITS = {
  maxHeaderSize: 8 * 1_024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
} as const;
const MAX_CONNECTIONS = 64;
const IDLE_TIMEOUT_MS = 30_000;

type Handler = (response: ServerResponse) => Promise<void> | void;

export class AdminServer {
  readonly #options: AdminOptions;
  readonly #server: Server;
  readonly #handlers: ReadonlyMap<string, Handler>;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#handlers = createHandlers(options.sources);
    this.#server = createServer(LIMITS, (request, response) => void this.#serve(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.timeout = IDLE_TIMEOUT_MS;
  }

  /**
   * @returns the real port.
   * @throws ListenError
   */
  start(): Promise<number> {
    const { host, port } = this.#options;
    return listenOn(this.#server, "admin", host, port);
  }

  /** Ends at once, with whatever is open. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request.url ?? "");
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("X-Content-Type-Options", "nosniff");
    const handler = this.#handlers.get(path);
    try {
      if (request.headers["x-forwarded-for"] !== undefined) {
        // A tenant's upstream may be this very address: what comes through a proxy is nobody whom we serve.
        sendText(response, 403, "the admin pages are not served through a proxy");
      } else if (handler === undefined) {
        sendText(response, 404, `no such page; there are ${[...this.#handlers.keys()].join(", ")}`);
      } else if (request.method !== "GET" && request.method !== "HEAD") {
        response.setHeader("Allow", "GET, HEAD");
        // Nobody wants to read what such a request may carry.
        response.setHeader("Connection", "close");
        sendText(response, 405, "only GET and HEAD are served here");
      } else {
        await handler(response);
      }
    } catch (error) {
      this.#fail(path, response, error);
    }
  }

  #fail(path: string, response: ServerResponse, error: unknown): void {
    // A client that went away in the middle of a page is no error of ours.
    if (response.destroyed) return;
    this.#options.onError(path, error);
    if (response.headersSent) response.destroy();
    else sendText(response, 500, "this page failed; the log says why");
  }
}

function createHandlers(sources: AdminSources): ReadonlyMap<string, Handler> {
  return new Map<string, Handler>([
    ["/healthz", (response) => sendText(response, 200, "ok")],
    [
      "/readyz",
      (response) => {
        const { isReady, reason } = sources.readiness();
        sendText(response, isReady ? 200 : 503, reason);
      },
    ],
    [
      "/metrics",
      async (response) => {
        const { contentType, body } = await sources.metrics();
        send(response, 200, contentType, body);
      },
    ],
    ["/config", (response) => sendConfig(response, sources.config())],
    [
      "/config/generation",
      (response) => sendJson(response, { generation: sources.generation(), workers: sources.workers() }),
    ],
  ]);
}

async function sendConfig(response: ServerResponse, config: PublishedConfig | null): Promise<void> {
  if (config === null) {
    sendText(response, 503, "no configuration yet: the objects are not completely read");
    return;
  }
  response.writeHead(200, { "Content-Type": "application/json" });
  if (response.req.method === "HEAD") response.end();
  else await pipeline(Readable.from(dumpConfig(config)), response);
}

function sendJson(response: ServerResponse, value: unknown): void {
  send(response, 200, "application/json", `${JSON.stringify(value)}\n`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, "text/plain; charset=utf-8", `${text}\n`);
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { "Content-Type": contentType, "Content-Length": bytes.byteLength });
  response.end(bytes);
}

/** Without the query, which has no meaning here. */
function pathOf(target: string): string {
  const question = target.indexOf("?");
  return question === -1 ? target : target.slice(0, question);
}
