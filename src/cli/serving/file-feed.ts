// Feeds a data plane from manifests in files: reads and watches them, translates, publishes.
import type { Options } from "../../config/options.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { NamespacedName } from "../../ir/names.ts";
import type { Snapshot } from "../../ir/snapshot.ts";
import type { EndpointSet } from "../../ir/upstream.ts";
import { ReconcileLoop } from "../../reconcile/reconcile-loop.ts";
import type { Translation } from "../../reconcile/reconcile-loop.ts";
import { collectReferences } from "../../reconcile/references.ts";
import { FileSource } from "../../source/files/file-source.ts";
import { ObjectStore } from "../../source/object-store.ts";
import type { WorldObjects } from "../../source/object-types.ts";
import { hashSnapshot } from "../../translate/hash-snapshot.ts";
import type { IngressStatus, TranslateOptions, TranslateResult } from "../../translate/result.ts";
import { translateEndpoints } from "../../translate/translate-endpoints.ts";
import { translate } from "../../translate/translate.ts";
import { countSeverities, formatCounts, plural } from "../manifests/diagnostic-report.ts";
import { fileTranslateOptions } from "../manifests/file-world.ts";
import type { Feed, FeedContext } from "./serve-until-stopped.ts";

type Statuses = readonly IngressStatus[];

export class FileFeed implements Feed {
  readonly #options: Options;
  readonly #translateOptions: TranslateOptions;
  readonly #store = new ObjectStore();
  #source: FileSource | null = null;
  #loop: ReconcileLoop<Statuses> | null = null;
  /** What the fast lane builds on. */
  #translated: TranslateResult | null = null;

  constructor(options: Options) {
    this.#options = options;
    this.#translateOptions = fileTranslateOptions(options);
  }

  async prepare({ diagnostics }: FeedContext): Promise<void> {
    this.#source = new FileSource({
      paths: this.#options.from,
      store: this.#store,
      watch: this.#options.watch,
      onDiagnostics: (found) => diagnostics.replace("files", found),
    });
    await this.#source.start();
  }

  async start(context: FeedContext): Promise<string> {
    const { dataPlane, diagnostics, sinks } = context;
    const { defaultCertificate } = this.#options;
    const fixed = { services: [], secrets: defaultCertificate === null ? [] : [defaultCertificate] };
    this.#loop = new ReconcileLoop<Statuses>({
      world: this.#store,
      translate: (objects) => this.#translate(objects),
      translateEndpoints: (objects, services) => this.#translateEndpoints(objects, services, context),
      hashSnapshot,
      collectReferences: (objects) => collectReferences(objects, fixed),
      publisher: dataPlane,
      observer: {
        translated: (translation, durationMs) => {
          sinks.translated(translation.snapshot.routeTable, durationMs);
          diagnostics.replace("translation", this.#locateAll(translation.diagnostics));
        },
        served: () => {},
        failed: (error) => sinks.translationFailed(error),
      },
      clock: systemClock,
    });
    this.#loop.start();
    await this.#loop.settled();
    return this.#summarize(diagnostics.current());
  }

  async stop(): Promise<void> {
    this.#loop?.stop();
    await this.#source?.close();
  }

  #translate(objects: WorldObjects): Translation<Statuses> {
    const result = translate(objects, this.#translateOptions);
    this.#translated = result;
    return { snapshot: snapshotOf(result), statuses: result.statuses, diagnostics: result.diagnostics };
  }

  #translateEndpoints(
    objects: WorldObjects,
    services: readonly NamespacedName[],
    { diagnostics }: FeedContext,
  ): readonly EndpointSet[] {
    if (this.#translated === null) return [];
    const { sets, result } = translateEndpoints(this.#translated, objects, services);
    this.#translated = result;
    diagnostics.replace("translation", this.#locateAll(result.diagnostics));
    return sets;
  }

  #locateAll(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
    return diagnostics.map((diagnostic) =>
      diagnostic.object === null ? diagnostic : { ...diagnostic, location: this.#store.locationOf(diagnostic.object) },
    );
  }

  #summarize(diagnostics: readonly Diagnostic[]): string {
    const hosts = this.#translated?.routeTable.virtualHosts ?? [];
    const routeCount = hosts.reduce((count, { routes }) => count + routes.length, 0);
    const counts = formatCounts({ ...countSeverities(diagnostics), info: 0 });
    const paths = this.#options.from.join(", ");
    return `serving ${plural(routeCount, "route")} of ${plural(hosts.length, "host")} from ${paths}: ${counts}`;
  }
}

/** Without what is not for workers: statuses and diagnostics. */
function snapshotOf(result: TranslateResult): Snapshot {
  const { routeTable, upstreams, certificates, defaultCertificate, endpoints } = result;
  return { routeTable, upstreams, certificates, defaultCertificate, endpoints };
}
