// The metrics of what is read from a cluster: contact with the API server, lists, watch events, failures, objects held.
import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** How one collection stands, for example `ingresses.networking.k8s.io`; several may have the same resource. */
export interface CollectionFigures {
  readonly resource: string;
  readonly objects: number;
  readonly isCurrent: boolean;
}

export class ClusterMetrics {
  readonly #registry: Registry;
  readonly #connected: Gauge;
  readonly #lists: Counter;
  readonly #events: Counter;
  readonly #failures: Counter;

  readonly #leader: Gauge;
  readonly #writes: Counter;
  readonly #reviews: Counter;

  /** @param collections read at each scrape. */
  constructor(registry: Registry, collections: () => readonly CollectionFigures[]) {
    this.#registry = registry;
    this.#connected = this.#gauge(
      "kubernetes_api_connected",
      "1 while the API server answers; what was read is served either way.",
    );
    this.#lists = this.#counter("kubernetes_lists_total", "Complete lists; the first of a resource and each relist.", [
      "resource",
    ]);
    this.#events = this.#counter("kubernetes_watch_events_total", "Events that watches delivered.", ["resource"]);
    this.#failures = this.#counter("kubernetes_failures_total", "Attempts to list or watch that failed.", [
      "resource",
      "type",
    ]);
    this.#leader = this.#gauge("leader", "1 while this replica leads: it writes status and events.");
    this.#writes = this.#counter(
      "kubernetes_writes_total",
      "Requests that wrote to the cluster, by what came of them.",
      ["what", "result"],
    );
    this.#reviews = this.#counter("admission_reviews_total", "Admission reviews, by what was answered.", ["outcome"]);
    this.#reportCollections(collections);
  }

  connected(isConnected: boolean): void {
    this.#connected.set(isConnected ? 1 : 0);
  }

  listed(resource: string): void {
    this.#lists.inc({ resource });
  }

  changed(resource: string): void {
    this.#events.inc({ resource });
  }

  failed(resource: string, type: string): void {
    this.#failures.inc({ resource, type });
  }

  leads(isLeader: boolean): void {
    this.#leader.set(isLeader ? 1 : 0);
  }

  wrote(what: "status" | "event", result: string): void {
    this.#writes.inc({ what, result });
  }

  reviewed(outcome: string): void {
    this.#reviews.inc({ outcome });
  }

  /** The figures are taken when somebody asks for them. */
  #reportCollections(collections: () => readonly CollectionFigures[]): void {
    const registers = [this.#registry];
    // oxlint-disable-next-line no-new -- a gauge belongs to its registry
    new Gauge({
      name: "penstock_kubernetes_objects",
      help: "Objects that are held in memory.",
      labelNames: ["resource"],
      registers,
      collect() {
        this.reset();
        for (const { resource, objects } of collections()) this.inc({ resource }, objects);
      },
    });
    // oxlint-disable-next-line no-new -- as above
    new Gauge({
      name: "penstock_kubernetes_watches_behind",
      help: "Watches that are not up to date: not begun, broken off, not allowed or not installed.",
      labelNames: ["resource"],
      registers,
      collect() {
        this.reset();
        for (const { resource, isCurrent } of collections()) this.inc({ resource }, isCurrent ? 0 : 1);
      },
    });
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: `penstock_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name: `penstock_${name}`, help, labelNames, registers: [this.#registry] });
  }
}
