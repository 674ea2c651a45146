// Serves one set of examples/ in a process of its own, with origins on free ports in place of those that the set names.
import { once } from "node:events";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { startOrigin } from "../../../examples/origin/origin.ts";
import type { OriginOptions } from "../../../examples/origin/origin.ts";
import { PenstockProcess } from "../../support/penstock-process.ts";

export const EXAMPLES: string = path.resolve(import.meta.dirname, "../../../examples");

export interface ExampleOrigin {
  readonly service: string;
  /** As the manifests and the README have it. */
  readonly port: number;
  readonly tls?: NonNullable<OriginOptions["tls"]>;
}

export interface SiteRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface SiteResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whose origin answered; null where the proxy did. */
  readonly service: string | null;
  /** Names in the certificate that was served; null for plain HTTP. */
  readonly certificateNames: string | null;
}

export interface ExampleSite {
  readonly folder: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly process: PenstockProcess;
  /** Sends a request to the proxy as if the URL's host led there. Certificates are not verified. */
  request(url: string, request?: SiteRequest): Promise<SiteResponse>;
}

export async function serveExample(
  context: TestContext,
  name: string,
  origins: readonly ExampleOrigin[],
): Promise<ExampleSite> {
  const folder = mkdtempSync(path.join(tmpdir(), `penstock-example-${name}-`));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(path.join(EXAMPLES, name), folder, { recursive: true });
  for (const { service, port, tls } of origins) {
    const origin = await startOrigin({ service, port: 0, ...(tls === undefined ? {} : { tls }) });
    context.after(() => origin.close());
    if (replaceInManifests(folder, `port: ${port}`, `port: ${origin.port}`) === 0) {
      throw new Error(`no manifest of ${name} names port ${port}`);
    }
  }
  const flags = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--admin", "off", "--workers", "1"];
  const process = new PenstockProcess(context, ["serve", "--from", folder, ...flags]);
  const httpPort = await readPort(process, "http");
  const httpsPort = await readPort(process, "https");
  return {
    folder,
    httpPort,
    httpsPort,
    process,
    request: (url, request = {}) => send(new URL(url), url.startsWith("https:") ? httpsPort : httpPort, request),
  };
}

/** Returns how often the text was found. */
export function replaceInManifests(folder: string, text: string, replacement: string): number {
  let count = 0;
  for (const file of globSync("**/*.yaml", { cwd: folder })) {
    const manifest = path.join(folder, file);
    const parts = readFileSync(manifest, "utf8").split(text);
    count += parts.length - 1;
    if (parts.length > 1) writeFileSync(manifest, parts.join(replacement));
  }
  return count;
}

async function readPort(process: PenstockProcess, listener: string): Promise<number> {
  const match = await process.waitForStderr(new RegExp(String.raw`listening for ${listener} on [^"]*?:(\d+)`));
  return Number(match[1]);
}

async function send(
  url: URL,
  port: number,
  { method = "GET", headers = {}, body }: SiteRequest,
): Promise<SiteResponse> {
  const options = {
    host: "127.0.0.1",
    port,
    method,
    path: url.pathname + url.search,
    headers: { host: url.host, ...headers },
    agent: false,
  };
  const request =
    url.protocol === "https:"
      ? https.request({ ...options, servername: url.hostname, rejectUnauthorized: false })
      : http.request(options);
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const certificateNames =
    "getPeerCertificate" in response.socket ? (response.socket as TLSSocket).getPeerCertificate().subjectaltname : null;
  const text = (await response.setEncoding("utf8").toArray()).join("");
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: text,
    service: /^ {2}"service": "([^"]+)"/m.exec(text)?.[1] ?? null,
    certificateNames: certificateNames ?? null,
  };
}
