// Single requests beside the load: waits until a proxy serves, and checks that it does the work that all are asked to do.
import type { ChildProcess } from "node:child_process";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { MAIN_HOST } from "./site.ts";

export interface ProbeTarget {
  readonly tls: boolean;
  readonly port: number;
  readonly path: string;
}

export interface ProbeResponse {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 2_000;

/** One GET on a connection of its own. */
export function fetchText(target: ProbeTarget): Promise<ProbeResponse> {
  const options = {
    host: "127.0.0.1",
    port: target.port,
    path: target.path,
    headers: { host: `${MAIN_HOST}:${target.port}` },
    agent: false,
    timeout: TIMEOUT_MS,
  };
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("latin1") }),
      );
    };
    const request = target.tls
      ? httpsRequest({ ...options, servername: MAIN_HOST, rejectUnauthorized: false }, onResponse)
      : httpRequest(options, onResponse);
    request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.on("error", reject);
    request.end();
  });
}

/** Waits until the proxy answers 200 from the origin; throws when it ends or takes longer than `limitMs`. */
export async function waitUntilServing(proxy: ChildProcess, target: ProbeTarget, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  let last = "";
  while (Date.now() < deadline) {
    if (proxy.exitCode !== null || proxy.signalCode !== null) throw new Error("the proxy ended at start");
    try {
      const { status } = await fetchText(target);
      if (status === 200) return;
      last = `status ${status}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(20);
  }
  throw new Error(`the proxy does not serve after ${limitMs / 1000} s: ${last}`);
}

/** Compares what arrived at the origin (its echo of the request head) with what every peer must send; empty: all is there. */
export function findMissingWork(echo: string, target: ProbeTarget): readonly string[] {
  const [requestLine = "", ...lines] = echo.split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const faults: string[] = [];
  const expect = (name: string, isRight: (value: string) => boolean): void => {
    const value = fields.get(name);
    if (value === undefined || !isRight(value)) faults.push(`${name}: ${value ?? "missing"}`);
  };
  if (!requestLine.endsWith(" HTTP/1.1")) faults.push(`request line: ${requestLine}`);
  expect("host", (value) => value.startsWith(MAIN_HOST));
  // Envoy puts the machine's own address in place of a loopback one.
  expect("x-forwarded-for", (value) => isIP(value) !== 0);
  expect("x-forwarded-proto", (value) => value === (target.tls ? "https" : "http"));
  expect("x-forwarded-host", (value) => value.startsWith(MAIN_HOST));
  expect("x-forwarded-port", (value) => value === String(target.port));
  expect("x-real-ip", (value) => value === "127.0.0.1");
  expect("x-request-id", (value) => value.length >= 16);
  return faults;
}
