// A running proxy as tests see it: where it listens, what it answers, and the upstreams behind it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, request as sendRequest } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { PenstockProcess } from "./penstock-process.ts";
import type { ProcessOptions } from "./penstock-process.ts";

/** Flags for listeners at free ports of 127.0.0.1 and one worker: what most tests want. */
export function localFlags(changes: Readonly<Record<string, string>> = {}): readonly string[] {
  const flags = { http: "127.0.0.1:0", https: "off", admin: "127.0.0.1:0", workers: "1", ...changes };
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export class RunningProxy {
  readonly process: PenstockProcess;
  readonly httpPort: number;
  readonly adminPort: number;

  private constructor(process: PenstockProcess, httpPort: number, adminPort: number) {
    this.process = process;
    this.httpPort = httpPort;
    this.adminPort = adminPort;
  }

  /** Starts a serving command and waits until every worker serves. */
  static async start(
    context: TestContext,
    args: readonly string[],
    options: ProcessOptions = {},
  ): Promise<RunningProxy> {
    const penstock = new PenstockProcess(context, args, options);
    await penstock.waitForStderr(/"message":"(?:serving|forwarding) /);
    const portOf = (listener: string): number => {
      const found = new RegExp(`listening for ${listener} on [^"]*:(\\d+)"`).exec(penstock.stderr);
      return Number(found?.[1] ?? 0);
    };
    return new RunningProxy(penstock, portOf("http"), portOf("admin"));
  }

  /** Asks the proxy for a page of `host`, on a connection of its own. */
  get(host: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return send({ port: this.httpPort, path, headers: { ...headers, host } });
  }

  admin(path: string): Promise<Answer> {
    return send({ port: this.adminPort, path });
  }

  /** Waits until a worker generation is in force everywhere. */
  async waitForGeneration(generation: number): Promise<void> {
    await this.process.waitForStderr(new RegExp(`"generation":${generation},[^\\n]*every worker serves`));
  }
}

/** One request to 127.0.0.1, answered whole. */
export async function send(options: RequestOptions): Promise<Answer> {
  const request = sendRequest({ host: "127.0.0.1", agent: new Agent({ keepAlive: false }), ...options });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) body += chunk;
  assert.ok(response.statusCode !== undefined);
  return { status: response.statusCode, headers: response.headers, body };
}

/** An HTTP server, closed after the test. */
export async function startUpstream(
  context: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  address = "127.0.0.1",
): Promise<number> {
  const server: Server = createServer(answer);
  server.listen(0, address);
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export interface ManifestOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Of the endpoint; 127.0.0.1 where nothing is said. */
  readonly address?: string;
  /** Name of a Secret for the host. */
  readonly secretName?: string;
}

/** An Ingress with its Service and EndpointSlice. */
export function manifestOf({ name, host, port, address = "127.0.0.1", secretName }: ManifestOptions): string {
  const tls = secretName === undefined ? "" : `\n  tls: [{ hosts: [${host}], secretName: ${secretName} }]`;
  return `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name} }
spec:${tls}
  rules:
    - host: ${host}
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: ${name}, port: { number: 80 } } } }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ port: ${port} }]
endpoints: [{ addresses: [${address}] }]
`;
}
