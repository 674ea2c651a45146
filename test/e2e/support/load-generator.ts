// GETs at a fixed rate, whether or not earlier ones are answered (open loop), so that a stall is seen by everyone whom it
// would have met. Counts what goes wrong by kind. WebSockets are in web-socket-load.ts.
import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import type { RequestOptions, Target } from "./http-client.ts";

export interface LoadOptions extends Pick<RequestOptions, "host" | "path" | "scheme" | "headers"> {
  readonly target: Target;
  /** Requests begun in each second. */
  readonly ratePerSecond: number;
  /** `keep-alive` shares connections, `fresh` opens one for each request; `mixed` (default) takes turns. */
  readonly connections?: "keep-alive" | "fresh" | "mixed";
  /** A request without its whole answer after this long has failed; default 10 s. */
  readonly timeoutMs?: number;
  /** Statuses that are no failure; default 200 alone. */
  readonly expectedStatuses?: readonly number[];
}

/** One thing that went wrong: `status 503`, `timeout`, `connect ECONNREFUSED`, `reset`, `cut body`, … */
export interface LoadFailure {
  readonly kind: string;
  /** Since the beginning of the load. */
  readonly atMs: number;
  readonly afterMs: number;
  readonly connection: "new" | "reused";
}

export interface LoadReport {
  readonly sent: number;
  readonly succeeded: number;
  readonly failures: readonly LoadFailure[];
  /** How often each kind of failure was. */
  readonly failuresByKind: ReadonlyMap<string, number>;
  /**
   * Requests sent again because a kept connection was closed under them before any byte of an answer, as browsers and
   * every HTTP library do (RFC 9112 §9.3.1). Not failures.
   */
  readonly staleRetries: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Answers by the pod of the echo server that gave them. */
  readonly servedBy: ReadonlyMap<string, number>;
  readonly durationMs: number;
}

const MAX_KEPT_CONNECTIONS = 64;
const MAX_FAILURES_KEPT = 1_000;
const TICK_MS = 10;

/** A load that runs until it is stopped. */
export class LoadGenerator {
  readonly #options: LoadOptions;
  readonly #agent: http.Agent | https.Agent;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #latencies: number[] = [];
  readonly #failures: LoadFailure[] = [];
  readonly #failuresByKind = new Map<string, number>();
  readonly #servedBy = new Map<string, number>();
  readonly #waiters = new Set<() => void>();
  #sent = 0;
  #inFlight = 0;
  #staleRetries = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    const agentOptions = { keepAlive: true, maxSockets: MAX_KEPT_CONNECTIONS, scheduling: "fifo" } as const;
    this.#agent =
      options.scheme === "https"
        ? new https.Agent({ ...agentOptions, rejectUnauthorized: false })
        : new http.Agent(agentOptions);
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
  }

  get succeeded(): number {
    return this.#latencies.length;
  }

  get failed(): number {
    return this.#sent - this.#inFlight - this.#latencies.length;
  }

  /** Resolves when so many more answers came as wanted: time under load, measured in work. */
  async afterMore(count: number): Promise<void> {
    const goal = this.succeeded + count;
    await this.#until(() => this.succeeded >= goal);
  }

  /** Resolves when a pod with such a name has answered. */
  async servedBy(isWanted: (pod: string) => boolean): Promise<void> {
    await this.#until(() => Array.from(this.#servedBy.keys()).some(isWanted));
  }

  /** Sends no more, waits for what is in flight, and reports. */
  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer);
    const durationMs = performance.now() - this.#startedAt;
    await this.#until(() => this.#inFlight === 0);
    this.#agent.destroy();
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const quantile = (q: number): number => Math.round((sorted[Math.floor(q * (sorted.length - 1))] ?? 0) * 10) / 10;
    return {
      sent: this.#sent,
      succeeded: sorted.length,
      failures: this.#failures,
      failuresByKind: this.#failuresByKind,
      staleRetries: this.#staleRetries,
      latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
      servedBy: this.#servedBy,
      durationMs: Math.round(durationMs),
    };
  }

  #sendDue(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) * this.#options.ratePerSecond) / 1000);
    while (this.#sent < due) {
      const { connections = "mixed" } = this.#options;
      const isFresh = connections === "fresh" || (connections === "mixed" && this.#sent % 2 === 1);
      this.#sent++;
      this.#inFlight++;
      this.#send(isFresh, performance.now());
    }
  }

  #send(isFresh: boolean, begunAt: number): void {
    const { target, host, path = "/", scheme = "http", headers, timeoutMs = 10_000 } = this.#options;
    const isTls = scheme === "https";
    let isOver = false;
    let hasAnswer = false;
    const outgoing = (isTls ? https : http).get({
      host: target.address,
      port: isTls ? target.httpsPort : target.httpPort,
      path,
      headers: { host, ...headers } as http.OutgoingHttpHeaders,
      agent: isFresh ? false : this.#agent,
      servername: host,
      rejectUnauthorized: false,
    });
    const end = (failure: string | null, pod = ""): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      if (failure !== null) outgoing.destroy();
      this.#record({ failure, pod, begunAt, isReused: outgoing.reusedSocket });
    };
    const timer = setTimeout(() => end(hasAnswer ? "timeout within the body" : "timeout"), timeoutMs);
    outgoing.once("response", (response) => {
      hasAnswer = true;
      const status = response.statusCode ?? 0;
      response.resume();
      response.once("error", () => end("cut body"));
      response.once("close", () => end("cut body"));
      response.once("end", () => {
        if (!response.complete) end("cut body");
        else if ((this.#options.expectedStatuses ?? [200]).includes(status)) end(null, podOf(response));
        else end(`status ${status}`);
      });
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      if (!isOver && !hasAnswer && outgoing.reusedSocket && error.code === "ECONNRESET") {
        isOver = true;
        clearTimeout(timer);
        this.#staleRetries++;
        this.#send(true, begunAt);
        return;
      }
      end(error.code === "ECONNRESET" ? "reset" : `${error.syscall ?? "error"} ${error.code ?? error.message}`);
    });
  }

  #record(outcome: { failure: string | null; pod: string; begunAt: number; isReused: boolean }): void {
    const now = performance.now();
    this.#inFlight--;
    if (outcome.failure === null) {
      this.#latencies.push(now - outcome.begunAt);
      if (outcome.pod !== "") this.#servedBy.set(outcome.pod, (this.#servedBy.get(outcome.pod) ?? 0) + 1);
    } else {
      this.#failuresByKind.set(outcome.failure, (this.#failuresByKind.get(outcome.failure) ?? 0) + 1);
      if (this.#failures.length < MAX_FAILURES_KEPT) {
        this.#failures.push({
          kind: outcome.failure,
          atMs: Math.round(outcome.begunAt - this.#startedAt),
          afterMs: Math.round(now - outcome.begunAt),
          connection: outcome.isReused ? "reused" : "new",
        });
      }
    }
    for (const waiter of Array.from(this.#waiters)) waiter();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiters.delete(wake);
          resolve();
        };
        this.#waiters.add(wake);
      });
    }
  }
}

function podOf(response: http.IncomingMessage): string {
  const value = response.headers["x-echo-pod"];
  return typeof value === "string" ? value : "";
}

/** One line: `5000 sent, 5000 succeeded; p50 2.1 ms, …`. */
export function describeLoad(report: LoadReport): string {
  const { p50, p99, max } = report.latencyMs;
  const kinds = [...report.failuresByKind].map(([kind, count]) => `${count} × ${kind}`);
  const wrong = kinds.length === 0 ? "no failures" : kinds.join(", ");
  return `${report.sent} sent in ${report.durationMs} ms, ${report.succeeded} succeeded, ${wrong}, ${report.staleRetries} sent again; p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`;
}

/** Every request was answered as wanted, and there were enough of them to mean something (default 100). */
export function assertNoFailures(report: LoadReport, minimumSent = 100): void {
  const first = JSON.stringify(report.failures.slice(0, 10));
  assert.equal(report.sent - report.succeeded, 0, `${describeLoad(report)}; the first: ${first}`);
  assert.ok(report.sent >= minimumSent, `only ${report.sent} requests were sent, ${minimumSent} are wanted`);
}

/** At most so many failures; for what no proxy can hide, such as a node that is lost without a word. */
export function assertFailuresAtMost(report: LoadReport, most: number): void {
  const failed = report.sent - report.succeeded;
  assert.ok(failed <= most, `${failed} failures, at most ${most} are allowed: ${describeLoad(report)}`);
}
