// Feeds a data plane from a cluster: reads and watches it, translates, publishes.
import type { Options } from "../../config/options.ts";
import type { AdmissionWebhook } from "../../admission/admission-webhook.ts";
import type { DiagnosticChange } from "../../reconcile/diagnostic-ledger.ts";
import { DEFAULT_ROUTE_POLICY } from "../../ir/route-table.ts";
import { referencedSecretsOf } from "../../reconcile/references.ts";
import type { Cluster } from "../../source/kubernetes/client/cluster-connection.ts";
import { connectToCluster } from "../../source/kubernetes/client/cluster-connection.ts";
import { KubernetesSource } from "../../source/kubernetes/kubernetes-source.ts";
import { ObjectStore } from "../../source/object-store.ts";
import type { TranslateOptions } from "../../translate/result.ts";
import type { CollectionFigures } from "../../telemetry/cluster-metrics.ts";
import { countSeverities, formatCounts } from "../manifests/diagnostic-report.ts";
import type { Feed, FeedContext } from "../serving/serve-until-stopped.ts";
import { fixedReferencesOf, StorePublisher } from "../serving/store-publisher.ts";
import { readVersion } from "../version.ts";
import { ClusterWriters } from "./cluster-writers.ts";
import type { PodIdentity } from "./pod-identity.ts";
import { createWebhook } from "./cluster-webhook.ts";
import { createClusterObserver } from "./cluster-observer.ts";

export class ClusterFeed implements Feed {
  readonly loopback = "refuse-loopback";
  readonly #options: Options;
  readonly #pod: PodIdentity;
  readonly #translateOptions: TranslateOptions;
  readonly #store = new ObjectStore();
  #cluster: Cluster | null = null;
  #source: KubernetesSource | null = null;
  #publisher: StorePublisher | null = null;
  #writers: ClusterWriters | null = null;
  #webhook: AdmissionWebhook | null = null;

  constructor(options: Options, pod: PodIdentity) {
    this.#options = options;
    this.#pod = pod;
    this.#translateOptions = clusterTranslateOptions(options);
  }

  async prepare({ diagnostics, sinks, logger }: FeedContext): Promise<void> {
    const { cluster: options } = this.#options;
    const cluster = await connectToCluster({ kubeconfig: options.kubeconfig, userAgent: `penstock/${readVersion()}` });
    this.#cluster = cluster;
    logger.info({ server: cluster.server, origin: cluster.origin }, "reading the cluster");
    const metrics = sinks.createClusterMetrics(() => (this.#source === null ? [] : collectionFiguresOf(this.#source)));
    const source = new KubernetesSource({
      client: cluster,
      store: this.#store,
      namespaces: options.namespaces,
      namespaceSelector: options.namespaceSelector,
      secretsOf: referencedSecretsOf,
      fixedSecrets: fixedReferencesOf(this.#translateOptions).secrets,
      onDiagnostics: (found) => diagnostics.replace("cluster", found),
      observer: createClusterObserver(metrics, logger),
    });
    const shared = { client: cluster, store: this.#store, metrics, logger };
    this.#writers = new ClusterWriters({
      ...shared,
      identify: (ref) => source.identify(ref),
      cluster: options,
      pod: this.#pod,
      diagnostics,
    });
    if (options.webhook !== null) {
      this.#webhook = createWebhook({
        ...shared,
        webhook: options.webhook,
        translateOptions: this.#translateOptions,
        servesNamespace: (namespace) => source.reads(namespace),
      });
    }
    this.#source = source;
    await source.start();
  }

  async start(context: FeedContext): Promise<string> {
    this.#publisher = new StorePublisher({
      store: this.#store,
      translateOptions: this.#translateOptions,
      context,
      onProgrammed: (statuses) => this.#writers?.programmed(statuses.map(({ ingress }) => ingress)),
    });
    await this.#publisher.start();
    await this.#webhook?.start();
    this.#writers?.start();
    const counts = formatCounts({ ...countSeverities(context.diagnostics.current()), info: 0 });
    return `serving ${this.#publisher.summarize()} of the cluster: ${counts}`;
  }

  diagnosed(change: DiagnosticChange): void {
    this.#writers?.diagnosed(change);
  }

  /** Others lead from now on; the webhook answers until the delay is over. */
  async beginDrain(): Promise<void> {
    await this.#writers?.stop();
  }

  async stop(): Promise<void> {
    this.#publisher?.stop();
    await this.#webhook?.stop();
    await this.#writers?.stop();
    await this.#source?.close();
    await this.#cluster?.close();
  }
}

function collectionFiguresOf(source: KubernetesSource): readonly CollectionFigures[] {
  return source
    .collections()
    .map(({ resource, objects, standing }) => ({ resource, objects, isCurrent: standing === "current" }));
}

function clusterTranslateOptions({ ingressClass, defaultCertificate, cluster }: Options): TranslateOptions {
  return {
    ingressClass,
    controller: cluster.controllerName,
    serveUnclassified: cluster.serveUnclassified,
    defaultCertificate,
    routeDefaults: DEFAULT_ROUTE_POLICY,
    loopback: "refuse-loopback",
  };
}
