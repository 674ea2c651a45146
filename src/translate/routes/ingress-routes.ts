// One Ingress joined with the Services and Secrets that it leads to: its routes, not yet set against those of others.
// The outcome is remembered together with the objects that were looked up, and made anew when one of these changes.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { Route, RoutePolicy } from "../../ir/route-table.ts";
import type { LoopbackRule } from "../../lib/endpoint-address.ts";
import type { Secret, Service } from "../../source/object-types.ts";
import { appendTo, diagnose } from "../diagnose.ts";
import type { Identified } from "../object-identity.ts";
import type { ObjectIndex } from "../object-index.ts";
import type { AttachedPolicies } from "../policies/attached-policies.ts";
import { applyServicePolicies } from "../policies/service-policies.ts";
import { applySettings, mergeSettings, NO_SETTINGS } from "../traffic-settings.ts";
import type { TrafficSettings } from "../traffic-settings.ts";
import { RESPOND_UNAVAILABLE, resolveBackend, tlsWithoutHttps } from "../upstreams/backend.ts";
import type { BackendLookup, UpstreamUse } from "../upstreams/backend.ts";
import { settingsOfPort, viewService } from "../upstreams/service-view.ts";
import type { ServiceView } from "../upstreams/service-view.ts";
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

/** What an Ingress may refer to, and what policies say about it. */
export interface LinkTargets {
  readonly services: ObjectIndex<Service>;
  readonly secrets: ObjectIndex<Secret>;
  readonly policies: AttachedPolicies;
  readonly loopback: LoopbackRule;
}

interface Remembered {
  readonly linked: LinkedIngress;
  readonly lookup: RecordingLookup;
  readonly policySettings: TrafficSettings;
  readonly routeDefaults: RoutePolicy;
}

const remembered = new WeakMap<IngressView, Remembered>();

/** `routeDefaults` are those of the Ingress's class. */
export function linkIngress(view: IngressView, targets: LinkTargets, routeDefaults: RoutePolicy): LinkedIngress {
  const policySettings = targets.policies.ofIngresses.get(view.identity.key) ?? NO_SETTINGS;
  const known = remembered.get(view);
  const isUnchanged = known?.routeDefaults === routeDefaults && known.policySettings === policySettings;
  if (isUnchanged && known.lookup.holdsIn(targets)) return known.linked;
  const lookup = new RecordingLookup(targets);
  const settings = mergeSettings(view.settings, policySettings);
  const linked = new IngressLinker({ ...view, settings }, lookup, routeDefaults).link();
  remembered.set(view, { linked, lookup, policySettings, routeDefaults });
  lookup.forgetTargets();
  return linked;
}

function findService({ policies, services, loopback }: LinkTargets, key: string): ServiceView | undefined {
  const service = services.get(key);
  if (service === undefined) return undefined;
  const claims = policies.ofServices.get(key);
  const view = viewService(service, loopback);
  return claims === undefined ? view : applyServicePolicies(view, claims);
}

/** Looks objects up, and remembers what was asked for and what the answer was. */
class RecordingLookup implements BackendLookup {
  readonly #services = new Map<string, ServiceView | undefined>();
  readonly #secrets = new Map<string, Identified<Secret> | undefined>();
  #targets: LinkTargets | null;

  constructor(targets: LinkTargets) {
    this.#targets = targets;
  }

  findService(key: string): ServiceView | undefined {
    const found = this.#targets === null ? undefined : findService(this.#targets, key);
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
    for (const [key, found] of this.#services) if (findService(targets, key) !== found) return false;
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
    const { defaultBackend, rules, settings } = this.#view;
    const defaultRoute = defaultBackend === null ? null : this.#linkPath(defaultBackend);
    const linkedRules = rules.map(({ host, paths }) => {
      return { host, routes: paths.map((path) => this.#linkPath(path)), defaultRoute };
    });
    if (settings.tlsPlace !== null && this.#usesPlain && !this.#usesHttps) {
      this.#diagnostics.push(tlsWithoutHttps(settings.tlsPlace));
    }
    return { rules: linkedRules, defaultRoute, diagnostics: [...this.#view.diagnostics, ...this.#diagnostics] };
  }

  #linkPath({ id, match, source, backend }: PathView): LinkedRoute {
    const { identity, settings } = this.#view;
    if (backend === null) {
      const policy = applySettings(settings, this.#routeDefaults);
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
    const ofService = use === null ? service?.settings : settingsOfPort(use.service, use.port);
    const policy = applySettings(mergeSettings(settings, ofService ?? NO_SETTINGS), this.#routeDefaults);
    return { route: { id, path: match, action, policy, source }, use };
  }
}
