// What translation is told and what it answers. Types only.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { NamespacedName } from "../ir/names.ts";
import type { RoutePolicy } from "../ir/route-table.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { LoopbackRule } from "../lib/endpoint-address.ts";

export interface TranslateOptions {
  /** The class name that is ours even where no IngressClass object says so; `penstock` unless configured. */
  readonly ingressClass: string;
  /** IngressClasses with this `spec.controller` are ours: `penstock.dev/ingress-controller`. */
  readonly controller: string;
  /** Serve an Ingress that names no class although no IngressClass of ours is the default; true for files. */
  readonly serveUnclassified: boolean;
  /** The Secret with the certificate for server names without one; null for the self-signed certificate. */
  readonly defaultCertificate: NamespacedName | null;
  /** What holds where neither Ingress nor Service says otherwise. */
  readonly routeDefaults: RoutePolicy;
  /** Files may name programs on the proxy's own machine; whoever may write objects in a cluster may not. */
  readonly loopback: LoopbackRule;
}

/** An Ingress that we own, so that its status is ours to write. */
export interface IngressStatus {
  readonly ingress: NamespacedName;
}

export interface TranslateResult extends Snapshot {
  /** Sorted by namespace, then name. */
  readonly statuses: readonly IngressStatus[];
  /** Sorted, no duplicates; `location` is null: only the source knows files. */
  readonly diagnostics: readonly Diagnostic[];
}
