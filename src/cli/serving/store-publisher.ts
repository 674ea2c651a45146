// From a store of objects to the data plane: translates what the store holds whenever it matters, publishes it, and tells
// logs and metrics. Who fills the store is no concern of its.
import { systemClock } from "../../lib/clock.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { NamespacedName } from "../../ir/names.ts";
import type { Snapshot } from "../../ir/snapshot.ts";
import type { EndpointSet } from "../../ir/upstream.ts";
import { ReconcileLoop } from "../../reconcile/reconcile-loop.ts";
import type { Translation } from "../../reconcile/reconcile-loop.ts";
import { collectReferences } from "../../reconcile/references.ts";
import type { FixedReferences } from "../../reconcile/references.ts";
import type { ObjectStore } from "../../source/object-store.ts";
import type { WorldObjects } from "../../source/object-types.ts";
import { hashSnapshot } from "../../translate/hash-snapshot.ts";
import type { IngressStatus, TranslateOptions, TranslateResult } from "../../translate/result.ts";
import { translateEndpoints } from "../../translate/translate-endpoints.ts";
import { translate } from "../../translate/translate.ts";
import { plural } from "../manifests/diagnostic-report.ts";
import type { FeedContext } from "./serve-until-stopped.ts";

type Statuses = readonly IngressStatus[];

export interface StorePublisherOptions {
  readonly store: ObjectStore;
  readonly translateOptions: TranslateOptions;
  readonly context: FeedContext;
  /** Every worker serves what these statuses speak of. */
  readonly onProgrammed?: (statuses: Statuses) => void;
}

export class StorePublisher {
  readonly #options: StorePublisherOptions;
  readonly #loop: ReconcileLoop<Statuses>;
  /** What the fast lane builds on. */
  #translated: TranslateResult | null = null;

  constructor(options: StorePublisherOptions) {
    this.#options = options;
    const { sinks, dataPlane } = options.context;
    const fixed = fixedReferencesOf(options.translateOptions);
    this.#loop = new ReconcileLoop<Statuses>({
      world: options.store,
      translate: (objects) => this.#translate(objects),
      translateEndpoints: (objects, services) => this.#translateEndpoints(objects, services),
      hashSnapshot,
      collectReferences: (objects) => collectReferences(objects, fixed),
      publisher: dataPlane,
      observer: {
        translated: (translation, durationMs) => {
          sinks.translated(translation.snapshot.routeTable, durationMs);
          this.#report(translation.diagnostics);
        },
        served: ({ statuses }, { state }) => {
          if (state === "programmed") options.onProgrammed?.(statuses);
        },
        failed: (error) => sinks.translationFailed(error),
      },
      clock: systemClock,
    });
  }

  /** Follows the store from now on; resolves when the workers have answered for what it holds. */
  async start(): Promise<void> {
    this.#loop.start();
    await this.#loop.settled();
  }

  /** Follows the store no longer; what was published stays. */
  stop(): void {
    this.#loop.stop();
  }

  /** For example `3 routes of 2 hosts`. */
  summarize(): string {
    const hosts = this.#translated?.routeTable.virtualHosts ?? [];
    const routeCount = hosts.reduce((count, { routes }) => count + routes.length, 0);
    return `${plural(routeCount, "route")} of ${plural(hosts.length, "host")}`;
  }

  #translate(objects: WorldObjects): Translation<Statuses> {
    const result = translate(objects, this.#options.translateOptions);
    this.#translated = result;
    return { snapshot: snapshotOf(result), statuses: result.statuses, diagnostics: result.diagnostics };
  }

  #translateEndpoints(objects: WorldObjects, services: readonly NamespacedName[]): readonly EndpointSet[] {
    if (this.#translated === null) return [];
    const { sets, result } = translateEndpoints(this.#translated, objects, services, this.#options.translateOptions);
    this.#translated = result;
    this.#report(result.diagnostics);
    return sets;
  }

  #report(diagnostics: readonly Diagnostic[]): void {
    const { store, context } = this.#options;
    const located = diagnostics.map((diagnostic) =>
      diagnostic.object === null ? diagnostic : { ...diagnostic, location: store.locationOf(diagnostic.object) },
    );
    context.diagnostics.replace("translation", located);
  }
}

/** Objects that the installation itself points at. */
export function fixedReferencesOf({ defaultCertificate }: TranslateOptions): FixedReferences {
  return { services: [], secrets: defaultCertificate === null ? [] : [defaultCertificate] };
}

/** Without what is not for workers: statuses and diagnostics. */
function snapshotOf(result: TranslateResult): Snapshot {
  const { routeTable, upstreams, certificates, defaultCertificate, endpoints } = result;
  return { routeTable, upstreams, certificates, defaultCertificate, endpoints };
}
