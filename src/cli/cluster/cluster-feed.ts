// Feeds a data plane from a cluster: reads and watches it, translates, publishes.
import type { Options } from "../../config/options.ts";
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
import { createClusterObserver } from "./cluster-observer.ts";

export class ClusterFeed implements Feed {
  readonly #options: Options;
  readonly #translateOptions: TranslateOptions;
  readonly #store = new ObjectStore();
  #cluster: Cluster | null = null;
  #source: KubernetesSource | null = null;
  #publisher: StorePublisher | null = null;

  constructor(options: Options) {
    this.#options = options;
    this.#translateOptions = clusterTranslateOptions(options);
  }

  async prepare({ diagnostics, sinks, logger }: FeedContext): Promise<void> {
    const { kubeconfig, namespaces, namespaceSelector } = this.#options.cluster;
    this.#cluster = await connectToCluster({ kubeconfig, userAgent: `penstock/${readVersion()}` });
    const { server, origin } = this.#cluster;
    logger.info({ server, origin }, "reading the cluster");
    this.#source = new KubernetesSource({
      client: this.#cluster,
      store: this.#store,
      namespaces,
      namespaceSelector,
      secretsOf: referencedSecretsOf,
      fixedSecrets: fixedReferencesOf(this.#translateOptions).secrets,
      onDiagnostics: (found) => diagnostics.replace("cluster", found),
      observer: createClusterObserver(
        sinks.createClusterMetrics(() => (this.#source === null ? [] : collectionFiguresOf(this.#source))),
        logger,
      ),
    });
    await this.#source.start();
  }

  async start(context: FeedContext): Promise<string> {
    this.#publisher = new StorePublisher({ store: this.#store, translateOptions: this.#translateOptions, context });
    await this.#publisher.start();
    const counts = formatCounts({ ...countSeverities(context.diagnostics.current()), info: 0 });
    return `serving ${this.#publisher.summarize()} of the cluster: ${counts}`;
  }

  async beginDrain(): Promise<void> {}

  async stop(): Promise<void> {
    this.#publisher?.stop();
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
  };
}
