// A running proxy from start to stop: starts the workers and what feeds them, says what is served, waits for a signal and
// drains. What is served comes from the feed.
import { setTimeout } from "node:timers/promises";
import type { Options } from "../../config/options.ts";
import type { ListenAddress } from "../../config/values/listen-address.ts";
import { AdminServer } from "../../admin/admin-server.ts";
import { judgeReadiness } from "../../admin/readiness.ts";
import type { DrainResult } from "../../dataplane/drain.ts";
import { formatListenAddress } from "../../lib/address-text.ts";
import type { LoopbackRule } from "../../lib/endpoint-address.ts";
import { DiagnosticLedger } from "../../reconcile/diagnostic-ledger.ts";
import type { DiagnosticChange } from "../../reconcile/diagnostic-ledger.ts";
import { createLogger } from "../../telemetry/log.ts";
import type { Logger } from "../../telemetry/log.ts";
import { CommandFailure, EXIT_CODE } from "../exit-code.ts";
import { EventSinks } from "./event-sinks.ts";
import { DataPlane } from "./start-data-plane.ts";
import { StopSignals } from "./stop-signals.ts";
import { terminalDestination } from "./terminal-log.ts";

/** What giving up the lead may take beyond the drain delay; milliseconds. */
const MAX_HANDOVER_MS = 2_000;

/** What a feed works with. */
export interface FeedContext {
  readonly dataPlane: DataPlane;
  readonly diagnostics: DiagnosticLedger;
  readonly sinks: EventSinks;
  readonly logger: Logger;
}

/** Where snapshots come from. */
export interface Feed {
  /** Whether upstreams may be on the proxy's own machine: as whoever may write what is fed is trusted with it, or is not. */
  readonly loopback: LoopbackRule;
  /** Reads what there is to read, before any port is taken. Throws what the user reads where that cannot be. */
  prepare(context: FeedContext): Promise<void>;
  /** Publishes, and resolves when every worker has answered for the first time. Returns what is served, in words. */
  start(context: FeedContext): Promise<string>;
  /** Diagnostics came or went, of whatever origin. */
  diagnosed?(change: DiagnosticChange): void;
  /** The proxy is about to stop, and still follows changes: the moment to give up what others may take over. */
  beginDrain(): Promise<void>;
  /** Ends reading and publishing; also where `prepare` has not ended yet. */
  stop(): Promise<void>;
}

/** Where a proxy really listens; port 0 has become the port that was free. */
export interface ServedAddresses {
  readonly http: readonly ListenAddress[];
  readonly https: readonly ListenAddress[];
  readonly admin: ListenAddress | null;
}

export interface ServingOptions {
  readonly options: Options;
  /** Of loading the options. */
  readonly warnings: readonly string[];
  readonly feed: Feed;
  /** Told once everything runs. */
  readonly onServing?: (addresses: ServedAddresses) => void;
}

/** Serves until a signal has come and the drain is over. Throws what the user reads where it cannot start. */
export async function serveUntilStopped({ options, warnings, feed, onServing }: ServingOptions): Promise<void> {
  if (options.http.length + options.https.length === 0) {
    throw new CommandFailure(EXIT_CODE.usage, ["nothing to listen on: --http and --https are both off"]);
  }
  const signals = new StopSignals();
  const logger = createProgramLogger(options);
  for (const warning of warnings) logger.warn(warning);
  const serving = new Serving(options, feed, logger);
  try {
    const addresses = await Promise.race([serving.start(), signals.requested]);
    // What there is to serve may take long to read, or for ever where the cluster cannot be reached.
    if (typeof addresses === "string") return;
    onServing?.(addresses);
    const signal = await signals.requested;
    await serving.drain(signal, signals.insisted);
  } finally {
    const isFlushed = await serving.close();
    signals.dispose();
    if (!isFlushed) process.kill(process.pid, "SIGKILL");
  }
}

function createProgramLogger({ logLevel }: Options): Logger {
  const isTerminal = process.stderr.isTTY;
  return createLogger(isTerminal ? { level: logLevel, destination: terminalDestination } : { level: logLevel });
}

class Serving {
  readonly #options: Options;
  readonly #feed: Feed;
  readonly #logger: Logger;
  readonly #context: FeedContext;
  readonly #admin: AdminServer | null;
  #isSynced = false;
  #isDraining = false;
  #isClosed = false;

  constructor(options: Options, feed: Feed, logger: Logger) {
    this.#options = options;
    this.#feed = feed;
    this.#logger = logger;
    const sinks = new EventSinks(logger);
    const diagnostics = new DiagnosticLedger((change) => {
      sinks.diagnosed(change, diagnostics.current());
      feed.diagnosed?.(change);
    });
    const dataPlane = new DataPlane({
      options,
      observers: sinks.workerObservers,
      publisherObserver: {
        published: (outcome) => sinks.published(outcome),
        workerServes: (workerId, generation) => sinks.workerServes(workerId, generation),
        diagnosed: (found) => diagnostics.replace("workers", found),
      },
      onWorkerEvent: (event) => sinks.workerEvent(event),
      loopback: feed.loopback,
      onNameDiagnostics: (found) => diagnostics.replace("names", found),
    });
    this.#context = { dataPlane, diagnostics, sinks, logger };
    this.#admin = options.admin === null ? null : this.#createAdmin(options.admin);
  }

  async start(): Promise<ServedAddresses> {
    const { dataPlane } = this.#context;
    // Before everything else, so that probes are answered while a large world is read.
    const adminPort = (await this.#admin?.start()) ?? 0;
    await this.#feed.prepare(this.#context);
    if (this.#isClosed) throw new Error("stopped while starting");
    this.#isSynced = true;
    const listeners = await dataPlane.start();
    const summary = await this.#feed.start(this.#context);
    const { admin: wanted } = this.#options;
    const admin = wanted === null ? null : { host: wanted.host, port: adminPort };
    for (const { name, host, port } of listeners) this.#logListening(name, host, port);
    if (admin !== null) this.#logListening("admin", admin.host, admin.port);
    this.#logger.info({ workers: this.#options.workers }, summary);
    return {
      http: listeners.filter(({ tls }) => !tls),
      https: listeners.filter(({ tls }) => tls),
      admin,
    };
  }

  /** `insisted` cuts it short. */
  async drain(signal: string, insisted: Promise<unknown>): Promise<void> {
    const { drainDelayMs, shutdownGraceMs } = this.#options;
    this.#isDraining = true;
    this.#logger.info(
      { signal, delayMs: drainDelayMs, graceMs: shutdownGraceMs },
      drainDelayMs > 0
        ? "draining: not ready any more; new connections are served until the delay is over"
        : "draining: no new connections, requests in flight finish",
    );
    const drained = this.#drainInOrder(drainDelayMs, shutdownGraceMs);
    const result = await Promise.race([drained, insisted.then(() => null)]);
    if (result === null) {
      throw new CommandFailure(EXIT_CODE.failure, [
        "ended at once by a second signal; requests in flight were cut off",
      ]);
    }
    const { abortedConnections, unanswered } = result;
    this.#logger[abortedConnections + unanswered > 0 ? "warn" : "info"]({ abortedConnections, unanswered }, "drained");
  }

  /** Until the delay is over, endpoints that change are followed: others send requests here until they have learnt of it. */
  async #drainInOrder(delayMs: number, graceMs: number): Promise<DrainResult> {
    const handover = this.#feed.beginDrain().catch((error: unknown) => {
      this.#logger.warn({ error }, "what others may take over could not be given up in order");
    });
    await Promise.all([wait(delayMs), Promise.race([handover, wait(delayMs + MAX_HANDOVER_MS)])]);
    await this.#feed.stop();
    return this.#context.dataPlane.drain(graceMs);
  }

  /**
   * Ends whatever still runs.
   * @returns false where standard output is held up, so that only a signal can end the process.
   */
  async close(): Promise<boolean> {
    this.#isClosed = true;
    await this.#feed.stop();
    await this.#context.dataPlane.stop();
    await this.#admin?.close();
    return this.#context.sinks.close();
  }

  #createAdmin({ host, port }: ListenAddress): AdminServer {
    const { dataPlane, sinks } = this.#context;
    const { publisher } = dataPlane;
    return new AdminServer({
      host,
      port,
      sources: {
        readiness: () =>
          judgeReadiness({
            isDraining: this.#isDraining,
            isSynced: this.#isSynced,
            isServing: publisher.isServing,
            servingWorkers: publisher.workers.filter(({ generation }) => generation > 0).length,
            expectedWorkers: this.#options.workers,
          }),
        metrics: () => sinks.collector.scrape(),
        config: () => publisher.published,
        generation: () => publisher.generation,
        workers: () => publisher.workers,
      },
      onError: (path, error) => this.#logger.error({ path, error }, "a page of the admin endpoints failed"),
    });
  }

  #logListening(name: string, host: string, port: number): void {
    this.#logger.info({ listener: name }, `listening for ${name} on ${formatListenAddress(host, port)}`);
  }
}

/** A second signal must not wait for timers that nobody needs any more. */
function wait(ms: number): Promise<void> {
  return setTimeout(ms, undefined, { ref: false });
}
