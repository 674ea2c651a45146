// The parameters of an IngressClass of ours: a ProxyConfig, with the defaults for all Ingress objects of the class.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { RoutePolicy } from "../../ir/route-table.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { IngressClass, ProxyConfig } from "../../source/object-types.ts";
import { appendTo, diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import type { Identified } from "../object-identity.ts";
import type { ObjectIndex } from "../object-index.ts";
import type { TranslateOptions } from "../result.ts";
import { asNonEmptyText, asRecord, isPresent } from "../untyped.ts";
import type { UnknownRecord } from "../untyped.ts";
import { readSettings, ROUTE_FIELDS } from "./setting-fields.ts";
import { applySettings } from "../traffic-settings.ts";
import type { TrafficSettings } from "../traffic-settings.ts";

export interface ClassObjects {
  readonly ingressClasses: ObjectIndex<IngressClass>;
  readonly proxyConfigs: ObjectIndex<ProxyConfig>;
}

interface ConfigView {
  readonly settings: TrafficSettings;
  readonly diagnostics: readonly Diagnostic[];
  /** What the settings made of the defaults of the installation, which hardly ever change: routes share the outcome. */
  applied: { readonly to: RoutePolicy; readonly routeDefaults: RoutePolicy } | null;
}

const CUSTOM_RESOURCE_GROUP = "penstock.dev";

const views = new WeakMap<object, ConfigView>();

/** What holds for routes of a class where nothing else is said, by the name of each class of ours that has parameters. */
export function readClassDefaults(
  { ingressClasses, proxyConfigs }: ClassObjects,
  options: TranslateOptions,
  diagnostics: Diagnostic[],
): ReadonlyMap<string, RoutePolicy> {
  const defaults = new Map<string, RoutePolicy>();
  for (const [name, { object, reference }] of ingressClasses) {
    const spec = asRecord(object.spec);
    if (spec["controller"] !== options.controller || !isPresent(spec["parameters"])) continue;
    const config = findConfig(asRecord(spec["parameters"]), proxyConfigs);
    if ("reason" in config) {
      diagnostics.push(diagnose({ object: reference, field: "spec.parameters" }, config));
      continue;
    }
    const view = viewConfig(config);
    appendTo(diagnostics, view.diagnostics);
    defaults.set(name, applyTo(options.routeDefaults, view));
  }
  return defaults;
}

function findConfig(
  { apiGroup, kind, name, namespace, scope }: UnknownRecord,
  proxyConfigs: ObjectIndex<ProxyConfig>,
): Identified<ProxyConfig> | Problem {
  if (apiGroup !== CUSTOM_RESOURCE_GROUP || kind !== "ProxyConfig") return notAProxyConfig();
  if ((isPresent(scope) && scope !== "Cluster") || isPresent(namespace)) return notOfCluster();
  const key = asNonEmptyText(name) ?? "";
  return proxyConfigs.get(key) ?? notFound(key);
}

function applyTo(installDefaults: RoutePolicy, view: ConfigView): RoutePolicy {
  if (view.applied?.to === installDefaults) return view.applied.routeDefaults;
  const routeDefaults = applySettings(view.settings, installDefaults);
  view.applied = { to: installDefaults, routeDefaults };
  return routeDefaults;
}

function viewConfig({ object, reference }: Identified<ProxyConfig>): ConfigView {
  let view = views.get(object);
  if (view === undefined) {
    const diagnostics: Diagnostic[] = [];
    const settings = readSettings(asRecord(asRecord(object)["spec"]), ROUTE_FIELDS, reference, diagnostics);
    view = { settings, diagnostics, applied: null };
    views.set(object, view);
  }
  return view;
}

function notAProxyConfig(): Problem {
  const message = "The parameters are no ProxyConfig and have no effect.";
  const hint = "Write apiGroup: penstock.dev, kind: ProxyConfig, and its name.";
  return problem("warning", "IngressClassParametersUnsupported", message, hint);
}

function notOfCluster(): Problem {
  const message = "A ProxyConfig belongs to the cluster, not to a namespace; the parameters have no effect.";
  return problem("warning", "IngressClassParametersUnsupported", message, "Leave scope and namespace out.");
}

function notFound(name: string): Problem {
  const message = `ProxyConfig ${quoteText(name)} does not exist; the defaults of the installation hold.`;
  return problem("warning", "ProxyConfigNotFound", message, "Create it, or remove spec.parameters.");
}
