// One Ingress joined with the Services and Secrets that it leads to: its routes, not yet set against those of others.
// The outcome is remembered together with the objects that were looked up, and made anew when one of these changes.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { Route, RoutePolicy } from "../../ir/route-table.ts";
import type { Secret, Service } from "../../source/object-types.ts";
import { mergeRoutePolicy, NO_SETTINGS } from "../policies/traffic-settings.ts";
import { appendTo, diagnose } from "../diagnose.ts";
import type { Identified } from "../object-identity.ts";
import type { ObjectIndex } from "../object-index.ts";
import { RESPOND_UNAVAILABLE, resolveBackend, tlsWithoutHttps } from "../upstreams/backend.ts";
import type { BackendLookup, UpstreamUse } from "../upstreams/backend.ts";
import type { IngressView, PathView } from "./ingress-view.ts";

export interface LinkedIngress {
  readonly rules: readonly LinkedRule[];
  readonly defaultRoute: LinkedRoute | null;
  readonly diagnostics: readonly Diagnostic[];
}

export interface LinkedRule {
  readonly host: string;
  readonly routes: readonly LinkedRoute[];
  /** The default backend of the same Ingress. */
  readonly defaultRoute: LinkedRoute | null;
}

export interface LinkedRoute {
  readonly route: Route;
  /** Null where the route answers by itself. */
  readonly use: UpstreamUse | null;
}

/** What an Ingress may refer to. */
export interface LinkTargets {
  readonly services: ObjectIndex<Service>;
  readonly secrets: ObjectIndex<Secret>;
}

interface Remembered {
  readonly linked: LinkedIngress;
  readonly lookup: RecordingLookup;
  readonly routeDefaults: RoutePolicy;
}

const remembered = new WeakMap<IngressView, Remembered>();

export function linkIngress(view: IngressView, targets: LinkTargets, routeDefaults: RoutePolicy): LinkedIngress {
  const known = remembered.get(view);
  if (known?.routeDefaults === routeDefaults && known.lookup.holdsIn(targets)) return known.linked;
  const lookup = new RecordingLookup(targets);
  const linked = new IngressLinker(view, lookup, routeDefaults).link();
  remembered.set(view, { linked, lookup, routeDefaults });
  lookup.forgetTargets();
  return linked;
}

/** Looks objects up, and remembers what was asked for and what the answer was. */
class RecordingLookup implements BackendLookup {
  readonly #services = new Map<string, Identified<Service> | undefined>();
  readonly #secrets = new Map<string, Identified<Secret> | undefined>();
  #targets: LinkTargets | null;

  constructor(targets: LinkTargets) {
    this.#targets = targets;
  }

  findService(key: string): Identified<Service> | undefined {
    const found = this.#targets?.services.get(key);
    this.#services.set(key, found);
    return found;
  }

  findSecret(key: string): Identified<Secret> | undefined {
    const found = this.#targets?.secrets.get(key);
    this.#secrets.set(key, found);
    return found;
  }

  /** The memory outlives the world, and must not keep the whole of it alive. */
  forgetTargets(): void {
    this.#targets = null;
  }

  /** True where every question would get the same answer again. */
  holdsIn(targets: LinkTargets): boolean {
    for (const [key, found] of this.#services) if (targets.services.get(key) !== found) return false;
    for (const [key, found] of this.#secrets) if (targets.secrets.get(key) !== found) return false;
    return true;
  }
}

class IngressLinker {
  readonly #view: IngressView;
  readonly #lookup: BackendLookup;
  readonly #routeDefaults: RoutePolicy;
  readonly #diagnostics: Diagnostic[] = [];
  #usesPlain = false;
  #usesHttps = false;

  constructor(view: IngressView, lookup: BackendLookup, routeDefaults: RoutePolicy) {
    this.#view = view;
    this.#lookup = lookup;
    this.#routeDefaults = routeDefaults;
  }

  link(): LinkedIngress {
    const { defaultBackend, identity, rules, settings } = this.#view;
    const defaultRoute = defaultBackend === null ? null : this.#linkPath(defaultBackend);
    const linkedRules = rules.map(({ host, paths }) => {
      return { host, routes: paths.map((path) => this.#linkPath(path)), defaultRoute };
    });
    const asksForTls = settings.tlsServerName !== null || settings.tlsCaSecret !== null;
    if (asksForTls && this.#usesPlain && !this.#usesHttps) {
      const place = { object: identity.reference, field: "metadata.annotations" };
      this.#diagnostics.push(diagnose(place, tlsWithoutHttps()));
    }
    return { rules: linkedRules, defaultRoute, diagnostics: [...this.#view.diagnostics, ...this.#diagnostics] };
  }

  #linkPath({ id, match, source, backend }: PathView): LinkedRoute {
    const { identity, settings } = this.#view;
    if (backend === null) {
      const policy = mergeRoutePolicy(settings, NO_SETTINGS, this.#routeDefaults);
      return { route: { id, path: match, action: RESPOND_UNAVAILABLE, policy, source }, use: null };
    }
    const resolved = resolveBackend(identity.reference.namespace, backend, settings, this.#lookup);
    const { action, fault, service, use } = resolved;
    if (fault !== null) {
      const place = { object: identity.reference, field: backend.field + fault.leaf };
      this.#diagnostics.push(diagnose(place, fault.problem));
    }
    appendTo(this.#diagnostics, resolved.diagnostics);
    if (service !== null) appendTo(this.#diagnostics, service.diagnostics);
    if (use?.upstream.protocol === "https") this.#usesHttps = true;
    if (use?.upstream.protocol === "http") this.#usesPlain = true;
    const policy = mergeRoutePolicy(settings, service?.settings ?? NO_SETTINGS, this.#routeDefaults);
    return { route: { id, path: match, action, policy, source }, use };
  }
}
