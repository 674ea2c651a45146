// An ApiClient without authentication, for tests of what talks to the API server. One connection a request.
import { Agent, request as requestHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import type { ApiAnswer, ApiClient, ApiRequest, ApiStream } from "../../../src/source/kubernetes/client/api-client.ts";
import { ApiUnreachable } from "../../../src/source/kubernetes/client/api-client.ts";

/** @param url without a slash at its end. */
export function plainClient(url: string, userAgent: string): ApiClient {
  const agent = new Agent({ keepAlive: false });
  const open = (request: ApiRequest, signals: readonly AbortSignal[]): Promise<IncomingMessage> =>
    openRequest(`${url}${request.path}${queryOf(request)}`, request, { agent, userAgent, signals });
  return {
    async send(request) {
      const signals = request.timeoutMs === undefined ? [] : [AbortSignal.timeout(request.timeoutMs)];
      return answerOf(await open(request, signals));
    },
    async watch(request) {
      const closing = new AbortController();
      const headDeadline = new AbortController();
      const timer = setTimeout(() => headDeadline.abort(), request.timeoutMs ?? 2 ** 31 - 1);
      try {
        const message = await open(request, [closing.signal, headDeadline.signal]);
        return message.statusCode === 200 ? streamOf(message, closing) : await answerOf(message);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function queryOf({ query }: ApiRequest): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? "" : `?${text}`;
}

interface Transport {
  readonly agent: Agent;
  readonly userAgent: string;
  readonly signals: readonly AbortSignal[];
}

function openRequest(
  url: string,
  request: ApiRequest,
  { agent, userAgent, signals }: Transport,
): Promise<IncomingMessage> {
  const { method, body, signal } = request;
  const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return new Promise((resolve, reject) => {
    const outgoing = requestHttp(url, {
      method,
      agent,
      headers: {
        "user-agent": userAgent,
        accept: "application/json",
        ...(body !== undefined && { "content-type": contentType }),
      },
      signal: AbortSignal.any(signal === undefined ? signals.slice() : [...signals, signal]),
    });
    outgoing.once("response", resolve);
    outgoing.once("error", (cause) => reject(new ApiUnreachable(`${method} ${url}: ${cause.message}`, { cause })));
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function answerOf(message: IncomingMessage): Promise<ApiAnswer> {
  const text = (await readAll(message)).toString();
  const isJson = message.headers["content-type"]?.startsWith("application/json") === true;
  const retryAfter = message.headers["retry-after"];
  let body: unknown = text;
  try {
    if (isJson) body = JSON.parse(text);
  } catch (cause) {
    throw new ApiUnreachable("the answer is not JSON", { cause });
  }
  return {
    status: message.statusCode ?? 0,
    body,
    retryAfterMs: retryAfter === undefined ? null : Number(retryAfter) * 1000,
  };
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of message) chunks.push(chunk as Buffer);
  } catch (cause) {
    throw new ApiUnreachable("the answer broke off", { cause });
  }
  return Buffer.concat(chunks);
}

function streamOf(message: IncomingMessage, closing: AbortController): ApiStream {
  return {
    status: 200,
    lines: linesOf(message, closing.signal),
    close: () => {
      closing.abort();
      message.destroy();
    },
  };
}

async function* linesOf(message: IncomingMessage, closed: AbortSignal): AsyncGenerator<string> {
  message.setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of message) {
      const lines = `${rest}${chunk as string}`.split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (cause) {
    if (closed.aborted) return;
    throw new ApiUnreachable("the watch broke off", { cause });
  }
  if (rest !== "") yield rest;
}
