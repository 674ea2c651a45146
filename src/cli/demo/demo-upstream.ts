// The built-in upstreams of the demo: small HTTP servers on this machine that answer with what they were asked.
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface DemoUpstream {
  readonly service: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 at `port`, or at any free one where that is taken. */
export async function startDemoUpstream(service: string, port: number): Promise<DemoUpstream> {
  const server = createServer((request, response) => answer(service, request, response));
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  return {
    service,
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(service: string, request: IncomingMessage, response: ServerResponse): void {
  const { method = "", url = "", headers } = request;
  // A body that nobody reads would hold the connection up.
  request.resume();
  if (headers.accept?.startsWith("text/") === true) {
    const lines = Object.entries(headers).map(([field, value]) => `  ${field}: ${String(value)}`);
    response.setHeader("content-type", "text/plain; charset=utf-8");
    response.end(`Hello from ${service}: ${method} ${url}\n${lines.join("\n")}\n`);
    return;
  }
  response.setHeader("content-type", "application/json");
  response.end(`${JSON.stringify({ service, method, url, headers }, null, 2)}\n`);
}
