// The workers and everything on the main thread that serves them: publishing, ticket keys, names of upstreams. Decides
// nothing about what is served.
import { systemClock } from "../../lib/clock.ts";
import type { DrainResult } from "../../dataplane/drain.ts";
import { NameResolver } from "../../dataplane/name-resolver.ts";
import { createSystemNameTransport } from "../../dataplane/name-transport.ts";
import type { ListenerSettings, WorkerSettings } from "../../dataplane/protocol.ts";
import { Publisher } from "../../dataplane/publisher.ts";
import type { PublishOutcome, PublisherObserver } from "../../dataplane/publisher.ts";
import { Supervisor } from "../../dataplane/supervisor.ts";
import type { SupervisorEvent } from "../../dataplane/supervisor.ts";
import { TicketKeys } from "../../dataplane/ticket-keys.ts";
import type { WorkerObserver } from "../../dataplane/worker-link.ts";
import type { Options } from "../../config/options.ts";
import type { ListenAddress } from "../../config/values/listen-address.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { LoopbackRule } from "../../lib/endpoint-address.ts";
import type { Snapshot } from "../../ir/snapshot.ts";
import type { EndpointSet } from "../../ir/upstream.ts";
import { createSelfSignedCertificate } from "../../dataplane/self-signed-certificate.ts";

/** The module that every worker runs: TypeScript in a checkout, compiled JavaScript in an image. */
const WORKER_URL = new URL(
  import.meta.url.endsWith(".ts") ? "../../ingress/worker.ts" : "../../ingress/worker.js",
  import.meta.url,
);

export interface DataPlaneOptions {
  readonly options: Options;
  /** Of the workers: metrics, access log, log lines. */
  readonly observers: readonly WorkerObserver[];
  readonly publisherObserver: PublisherObserver;
  readonly onWorkerEvent: (event: SupervisorEvent) => void;
  /** Whether names of upstreams may resolve to loopback addresses. */
  readonly loopback: LoopbackRule;
  /** Names of upstreams that cannot be resolved now, replacing what was said before. */
  readonly onNameDiagnostics: (diagnostics: readonly Diagnostic[]) => void;
}

export class DataPlane {
  readonly publisher: Publisher;
  readonly #supervisor: Supervisor;
  readonly #ticketKeys: TicketKeys;
  readonly #names: NameResolver;

  constructor({ options, observers, publisherObserver, onWorkerEvent, loopback, onNameDiagnostics }: DataPlaneOptions) {
    const clock = systemClock;
    const { workers } = options;
    this.publisher = new Publisher({ workerCount: workers, observer: publisherObserver, clock });
    this.#ticketKeys = new TicketKeys({
      clock,
      onRotated: (ticketKeys) => this.#supervisor.broadcast({ type: "ticket-keys", ticketKeys }),
    });
    this.#names = new NameResolver({
      transport: createSystemNameTransport(),
      clock,
      random: Math.random,
      loopback,
      onEndpoints: (changed) => void this.publisher.publishEndpoints(changed),
      onDiagnostics: onNameDiagnostics,
    });
    const shared = sharedSettings(options);
    this.#supervisor = new Supervisor({
      workerUrl: WORKER_URL,
      workerCount: workers,
      settings: () => ({ ...shared, ticketKeys: this.#ticketKeys.current }),
      observers: [this.publisher, ...observers],
      onEvent: onWorkerEvent,
      clock,
      random: Math.random,
    });
  }

  /**
   * Starts the workers.
   * @returns the listeners with their real ports.
   * @throws ListenError or WorkerStartError, with every thread ended.
   */
  async start(): Promise<readonly ListenerSettings[]> {
    const listeners = await this.#supervisor.start();
    this.#ticketKeys.start();
    return listeners;
  }

  /** As `Publisher.publish`; the names of its upstreams are resolved from now on. */
  publish(snapshot: Snapshot): Promise<PublishOutcome> {
    const outcome = this.publisher.publish(snapshot);
    this.#names.update(snapshot.upstreams);
    return outcome;
  }

  publishEndpoints(changed: readonly EndpointSet[]): Promise<void> {
    return this.publisher.publishEndpoints(changed);
  }

  /** Lets requests in flight finish, and ends the workers. */
  drain(graceMs: number): Promise<DrainResult> {
    this.#stopTimers();
    return this.#supervisor.drain(graceMs);
  }

  /** Ends the workers now; also cuts a drain short. */
  stop(): Promise<void> {
    this.#stopTimers();
    return this.#supervisor.stop();
  }

  #stopTimers(): void {
    this.#ticketKeys.stop();
    this.#names.stop();
  }
}

function sharedSettings(options: Options): Omit<WorkerSettings, "workerId" | "listenAfterSnapshot" | "ticketKeys"> {
  return {
    listeners: [
      ...options.http.map((address) => listenerSettings("http", address)),
      ...options.https.map((address) => listenerSettings("https", address)),
    ],
    limits: options.limits,
    trustedProxies: options.trustedProxies,
    fallbackCertificate: createFallbackCertificate(),
    accessLog: options.accessLog,
  };
}

function listenerSettings(name: "http" | "https", { host, port }: ListenAddress): ListenerSettings {
  return { name, host, port, tls: name === "https" };
}

const DAY_MS = 86_400_000;

/** Begins a day ago for clients whose clock is late; a process that runs for longer than a year is out of date anyway. */
function createFallbackCertificate(): WorkerSettings["fallbackCertificate"] {
  const now = Date.now();
  return createSelfSignedCertificate({
    commonName: "Penstock default certificate",
    dnsName: "penstock.invalid",
    validFrom: new Date(now - DAY_MS),
    validTo: new Date(now + 365 * DAY_MS),
  });
}
