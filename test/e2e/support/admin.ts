// The admin pages of single pods, as an operator reads them: over `kubectl port-forward`, since they are served to nobody who
// comes through a proxy.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { podsOf } from "./release.ts";
import type { Release } from "./release.ts";

const ADMIN_PORT = 10254;
const PAGE_TIMEOUT_MS = 20_000;

/** The body of an admin page of one pod. Rejects where it is not answered with 200. */
export async function adminPage(namespace: string, pod: string, path: string): Promise<string> {
  const forward = spawn("kubectl", ["port-forward", "--namespace", namespace, `pod/${pod}`, `:${ADMIN_PORT}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const port = await localPortOf(forward);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(PAGE_TIMEOUT_MS) });
    const body = await response.text();
    if (response.status !== 200) throw new Error(`${path} of ${pod}: ${response.status} ${body.slice(0, 300)}`);
    return body;
  } finally {
    forward.kill();
  }
}

/** An admin page of every pod of a release that is not ending, by the pod's name. */
export async function adminPages(release: Release, path: string): Promise<ReadonlyMap<string, string>> {
  const pods = await podsOf(release);
  const names = pods.map(({ metadata }) => metadata.name);
  const pages = await Promise.all(names.map((name) => adminPage(release.namespace, name, path)));
  return new Map(names.map((name, index) => [name, pages[index] ?? ""]));
}

/** The value of one series, for example `penstock_leader`; NaN where the page lacks it. */
export function metricOf(page: string, series: string): number {
  const line = page.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? Number.NaN : Number(line.slice(series.length + 1));
}

/**
 * Waits until the series is as wanted on every pod of the release. Nothing tells of a metric: it is read again and again, also
 * while port forwarding, which goes through the API server and kubelets, does not work.
 */
export async function untilMetric(
  release: Release,
  series: string,
  isWanted: (value: number, pod: string) => boolean,
  timeoutMs = 240_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const pages = await adminPages(release, "/metrics").catch((): ReadonlyMap<string, string> => new Map());
    const values = Array.from(pages, ([pod, page]) => [pod, metricOf(page, series)] as const);
    if (values.length > 0 && values.every(([pod, value]) => isWanted(value, pod))) return;
    if (performance.now() > deadline) {
      throw new Error(`${series} did not become as wanted; seen last: ${JSON.stringify(values)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function localPortOf(forward: ChildProcess): Promise<number> {
  let said = "";
  forward.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const lines = createInterface({ input: forward.stdout ?? process.stdin });
  const [line] = (await Promise.race([once(lines, "line"), once(forward, "exit").then(() => [])])) as string[];
  lines.close();
  const [, port] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line ?? "") ?? [];
  if (port === undefined) throw new Error(`kubectl port-forward: ${line ?? said.trim()}`);
  return Number(port);
}
