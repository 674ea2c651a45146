// One HTTP request to a chosen address, under any Host and server name, on a connection of its own.
import { once } from "node:events";
import http from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import https from "node:https";
import type { TLSSocket } from "node:tls";
import type { Echo } from "./backend/echo-server.ts";

/** Where a release is reached from this machine. */
export interface Target {
  readonly address: string;
  readonly httpPort: number;
  readonly httpsPort: number;
}

export interface RequestOptions {
  /** Host header, and server name of TLS unless `servername` says another. */
  readonly host: string;
  /** Default `/`; sent as it is, not normalised. */
  readonly path?: string;
  readonly scheme?: "http" | "https";
  /** `""` sends none. */
  readonly servername?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Until the whole body is there; default 10 s. */
  readonly timeoutMs?: number;
  /** PEM; the certificate must then be signed by it and fit the name. Without it nothing is verified. */
  readonly ca?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** SHA-256 of the certificate served, as `AB:CD:…`; `""` without TLS. */
  readonly fingerprint: string;
  /** What the echo server said; rejects anything else. */
  echo(): Echo;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Rejects with the socket's or TLS's own error, or AbortError out of time. Nothing is tried again. */
export async function request(target: Target, options: RequestOptions): Promise<Answer> {
  const isTls = options.scheme === "https";
  const servername = options.servername ?? options.host;
  const outgoing = (isTls ? https : http).request({
    host: target.address,
    port: isTls ? target.httpsPort : target.httpPort,
    method: options.method ?? "GET",
    path: options.path ?? "/",
    headers: { host: options.host, ...options.headers } as http.OutgoingHttpHeaders,
    agent: false,
    signal: AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    servername,
    rejectUnauthorized: options.ca !== undefined,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  outgoing.end(options.body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const fingerprint = isTls ? (response.socket as TLSSocket).getPeerCertificate().fingerprint256 : "";
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += chunk as string;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    fingerprint,
    echo: () => JSON.parse(body) as Echo,
  };
}

export interface EventuallyOptions {
  /** Default 30 s. */
  readonly timeoutMs?: number;
  /**
   * How many answers in a row must be as wanted; default 8, since each comes from any of several replicas, which see a
   * change within moments of each other.
   */
  readonly inARow?: number;
}

/**
 * Asks again until the answer is as wanted, which is how a change is noticed from outside. `isWanted` may return false
 * or throw. Rejects with the last answer or error.
 */
export async function requestUntil(
  target: Target,
  options: RequestOptions,
  isWanted: (answer: Answer) => boolean | void,
  limits: EventuallyOptions = {},
): Promise<Answer> {
  const deadline = performance.now() + (limits.timeoutMs ?? 30_000);
  const wantedInARow = limits.inARow ?? 8;
  let inARow = 0;
  let last = "nothing was asked";
  while (performance.now() < deadline) {
    try {
      const answer = await request(target, { timeoutMs: 5_000, ...options });
      last = `${answer.status} ${answer.body.slice(0, 300)} ${answer.fingerprint}`;
      if (isWanted(answer) === false) inARow = 0;
      else inARow++;
      if (inARow >= wantedInARow) return answer;
    } catch (error) {
      inARow = 0;
      last = error instanceof Error ? error.message : String(error);
    }
    if (inARow === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(
    `${options.scheme ?? "http"}://${options.host}${options.path ?? "/"} was not as wanted in time: ${last}`,
  );
}
