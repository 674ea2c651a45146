// One worker: its listeners, the snapshot that they serve, and its answers to the main thread. Knows messages, not threads.
import { randomInt } from "node:crypto";
import type { FromWorker, ListenerSettings, PostedToWorker, WorkerSettings } from "../dataplane/protocol.ts";
import { TURN_LIMIT } from "../engine/balance/balancer.ts";
import type { HttpProxy } from "../engine/proxy/http-proxy.ts";
import { httpProxy } from "../engine/proxy/http-proxy.ts";
import type { ListenerOptions } from "../engine/server/server-options.ts";
import { createPemIdentity } from "../engine/server/pem-identity.ts";
import { Server } from "../engine/server/server.ts";
import { SessionTicketKeys } from "../engine/server/session-ticket-keys.ts";
import type { TlsIdentity, TlsIdentityResolver } from "../engine/server/tls-identity.ts";
import type { RouteTable } from "../ir/route-table.ts";
import { revealSecret } from "../ir/secret-bytes.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import { formatListenAddress } from "../lib/address-text.ts";
import { AccessLogWriter } from "../telemetry/access-log.ts";
import { createSeriesFilter } from "../telemetry/series-filter.ts";
import { WorkerMetrics } from "../telemetry/worker-metrics.ts";
import { AccessLogObserver } from "./access-log-observer.ts";
import type { CompiledSnapshot, CompileEnvironment } from "./compile.ts";
import { applyEndpoints, compileInSlices } from "./compile.ts";
import { IngressProxy } from "./ingress-proxy.ts";
import { MetricsObserver } from "./metrics-observer.ts";
import type { RequestObserver } from "./request-observer.ts";
import { SnapshotIntake } from "./snapshot-intake.ts";
import { createServerObserver } from "./server-observer.ts";
import { createTrustPredicate } from "./trusted-proxies.ts";
import { UpstreamTrust } from "./upstream-trust.ts";

/** Posts to the main thread; buffers in `transfer` are given away. */
export type Say = (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void;

/** What changes leave behind (idle connections, metrics of routes) is cleared away so long after the first of them. */
const TIDY_DELAY_MS = 1_000;

export class IngressWorker {
  readonly #settings: WorkerSettings;
  readonly #say: Say;
  readonly #ticketKeys: SessionTicketKeys;
  readonly #environment: CompileEnvironment;
  readonly #metrics: WorkerMetrics;
  readonly #accessLog: AccessLogWriter | null;
  readonly #proxy: IngressProxy;
  readonly #application: HttpProxy;
  readonly #intake: SnapshotIntake;
  readonly #server: Server;
  /** Listeners are yet to be bound. */
  #mustListen = true;
  #tidyTimer: NodeJS.Timeout | null = null;
  /** Of the last snapshot, while metrics may still have series of routes that it lacks. */
  #newRouteTable: RouteTable | null = null;

  constructor(settings: WorkerSettings, say: Say) {
    this.#settings = settings;
    this.#say = say;
    this.#ticketKeys = new SessionTicketKeys(settings.ticketKeys);
    this.#environment = createEnvironment(settings, this.#ticketKeys, say);
    this.#metrics = new WorkerMetrics({ workerId: settings.workerId });
    this.#accessLog = settings.accessLog === "json" ? createAccessLog(settings.workerId, say) : null;
    const metricsObserver = new MetricsObserver(this.#metrics);
    const observers: RequestObserver[] = [metricsObserver];
    const logObserver = this.#accessLog === null ? null : new AccessLogObserver(this.#accessLog);
    if (logObserver !== null) observers.push(logObserver);
    this.#proxy = new IngressProxy(observers);

    this.#intake = new SnapshotIntake({
      compile: (snapshot, meter) => compileInSlices(snapshot, this.#proxy.snapshot, this.#environment, meter),
      onCompiled: (generation, snapshot, compiled) => this.#serve(generation, snapshot, compiled),
      onRefused: (generation, error) => say({ type: "nack", generation, reason: messageOf(error) }),
    });

    const { minBodyRate, ...limits } = settings.limits;
    const trusts = createTrustPredicate(settings.trustedProxies);
    this.#application = httpProxy(this.#proxy, { minBodyRate, trusts });
    const { pool } = this.#application;
    this.#proxy.watchConnecting(pool.connecting);
    this.#metrics.watchIdleConnections(() => pool.statistics.idle);
    const resolve: TlsIdentityResolver = (serverName) => this.#identityFor(serverName);
    this.#server = new Server({
      listeners: settings.listeners.map((listener) => listenerOptions(listener, resolve)),
      application: this.#application,
      limits,
      observer: createServerObserver(metricsObserver, logObserver),
    });
  }

  /** Binds the listeners, unless they have to wait for the first snapshot. */
  async start(): Promise<void> {
    if (this.#settings.listenAfterSnapshot !== true) await this.#listen();
  }

  receive(message: PostedToWorker): void {
    switch (message.type) {
      case "snapshot-part":
        this.#intake.take(message);
        break;
      case "endpoints":
        this.#takeEndpoints(message.sequence, message.changed);
        break;
      case "ticket-keys":
        this.#ticketKeys.replace(message.ticketKeys);
        break;
      case "collect-metrics":
        this.#say({ type: "metrics", id: message.id, metrics: this.#metrics.report(message.id) });
        break;
      case "drain":
        void this.#drain(message.graceMs);
        break;
    }
  }

  async #listen(): Promise<void> {
    this.#mustListen = false;
    try {
      const addresses = await this.#server.listen();
      const https = this.#settings.listeners.findIndex((listener) => listener.tls);
      this.#proxy.setHttpsPort(addresses[https]?.port ?? null);
      this.#say({ type: "listening", ports: addresses.map((address) => address.port) });
    } catch (error) {
      this.#say(listenFailure(error));
    }
  }

  #serve(generation: number, { routeTable }: Snapshot, compiled: CompiledSnapshot): void {
    this.#proxy.serve(compiled);
    this.#say({ type: "ack", generation });
    if (this.#mustListen) void this.#listen();
    this.#newRouteTable = routeTable;
    this.#tidyLater();
  }

  #takeEndpoints(sequence: number, changed: readonly EndpointSet[]): void {
    if (this.#proxy.snapshot !== null) applyEndpoints(this.#proxy.snapshot, changed);
    this.#intake.noteEndpoints(changed);
    this.#say({ type: "endpoints-ack", sequence });
    this.#proxy.withdrawGone(changed.map(({ upstream }) => upstream));
    this.#tidyLater();
  }

  #tidyLater(): void {
    if (this.#tidyTimer !== null) return;
    this.#tidyTimer = setTimeout(() => {
      this.#tidyTimer = null;
      this.#tidy();
    }, TIDY_DELAY_MS).unref();
  }

  #tidy(): void {
    const poolKeys = new Set<string>();
    const authorities = new Set<string | null>();
    for (const upstream of this.#proxy.snapshot?.upstreams.values() ?? []) {
      for (const peer of upstream.currentPeers()) poolKeys.add(peer.poolKey);
      if (upstream.upstream.tls !== null) authorities.add(upstream.upstream.tls.caPem);
    }
    this.#application.pool.retain(poolKeys);
    this.#environment.trust.retain(authorities);
    if (this.#newRouteTable !== null) this.#metrics.retain(createSeriesFilter(this.#newRouteTable));
    this.#newRouteTable = null;
  }

  #identityFor(serverName: string): TlsIdentity {
    const { snapshot } = this.#proxy;
    return snapshot === null ? this.#environment.identities.fallback : snapshot.identities.resolve(serverName);
  }

  async #drain(graceMs: number): Promise<void> {
    this.#mustListen = false;
    const abortedConnections = await this.#server.drain(graceMs);
    this.#accessLog?.flush();
    this.#metrics.stop();
    this.#say({ type: "drained", abortedConnections });
  }
}

/** No Secret has this id: ids of certificates hold a slash. */
const FALLBACK_ID = "self-signed";

function createEnvironment(settings: WorkerSettings, ticketKeys: SessionTicketKeys, say: Say): CompileEnvironment {
  return {
    identities: {
      fallback: createPemIdentity({ id: FALLBACK_ID, ...settings.fallbackCertificate }, ticketKeys),
      create: ({ id, chainPem, key }) => createPemIdentity({ id, chainPem, keyPem: revealSecret(key) }, ticketKeys),
      onUnusable: (certificate, error) =>
        say({
          type: "log",
          level: "warn",
          message: "a certificate cannot be used, the default one is served in its place",
          fields: { certificate: certificate.id, reason: messageOf(error) },
        }),
    },
    trust: new UpstreamTrust(),
    randomTurn: () => randomInt(TURN_LIMIT),
  };
}

function createAccessLog(workerId: number, say: Say): AccessLogWriter {
  return new AccessLogWriter({
    workerId,
    emit: (lines) => say({ type: "access-log", lines }, lines.buffer instanceof ArrayBuffer ? [lines.buffer] : []),
  });
}

function listenerOptions({ name, host, port, tls }: ListenerSettings, resolve: TlsIdentityResolver): ListenerOptions {
  return tls ? { name, host, port, tls: { resolve } } : { name, host, port };
}

/** Node says which address it could not bind, or which name it could not resolve. */
function listenFailure(error: unknown): FromWorker {
  const {
    address,
    hostname = "",
    port = 0,
    code = "UNKNOWN",
  } = error as NodeJS.ErrnoException & {
    readonly address?: string;
    readonly hostname?: string;
    readonly port?: number;
  };
  const message = messageOf(error);
  return { type: "listen-failed", address: formatListenAddress(address ?? hostname, port), code, message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
