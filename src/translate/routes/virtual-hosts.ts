// Puts the routes of all Ingress objects together, host by host: conflicts, default backends, order.
//
// A request's host is looked up before its path: an exact host hides the wildcard and the any-host rules even where none
// of its paths match. Only the default backend is for such requests too, so it is the last route, prefix `/`, of every
// host that has none of its own: the data plane needs no special case, and the route's id says what it is.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { formatName } from "../../ir/names.ts";
import type { PathMatch, Route, VirtualHost } from "../../ir/route-table.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { appendTo, diagnose, problem, withOther } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import type { UpstreamUse } from "../upstreams/backend.ts";
import type { LinkedIngress, LinkedRoute, LinkedRule } from "./ingress-routes.ts";
import { comparePathMatches } from "./path.ts";

export interface VirtualHostTable {
  readonly virtualHosts: readonly VirtualHost[];
  /** What the routes forward to, by the upstream's id; nothing that only a losing route asked for. */
  readonly uses: ReadonlyMap<string, UpstreamUse>;
}

interface MergedHost {
  readonly virtualHost: VirtualHost;
  readonly uses: readonly UpstreamUse[];
  readonly diagnostics: readonly Diagnostic[];
}

/** `ingresses` come in order of precedence: of two with the same match, the first one keeps it. */
export function buildVirtualHosts(ingresses: readonly LinkedIngress[], diagnostics: Diagnostic[]): VirtualHostTable {
  const rulesByHost = groupRules(ingresses);
  const fallback = chooseFallback(ingresses, diagnostics);
  if (fallback !== null && !rulesByHost.has("")) rulesByHost.set("", []);
  const virtualHosts: VirtualHost[] = [];
  const uses = new Map<string, UpstreamUse>();
  for (const host of Array.from(rulesByHost.keys()).toSorted(compareStrings)) {
    const merged = mergeHost(host, rulesByHost.get(host) ?? [], fallback);
    virtualHosts.push(merged.virtualHost);
    for (const use of merged.uses) uses.set(use.upstream.id, use);
    appendTo(diagnostics, merged.diagnostics);
  }
  return { virtualHosts, uses };
}

function groupRules(ingresses: readonly LinkedIngress[]): Map<string, LinkedRule[]> {
  const rulesByHost = new Map<string, LinkedRule[]>();
  for (const { rules } of ingresses) {
    for (const rule of rules) {
      const group = rulesByHost.get(rule.host);
      if (group === undefined) rulesByHost.set(rule.host, [rule]);
      else group.push(rule);
    }
  }
  return rulesByHost;
}

/** The default backend for all that no host matches. */
function chooseFallback(ingresses: readonly LinkedIngress[], diagnostics: Diagnostic[]): LinkedRoute | null {
  let fallback: LinkedRoute | null = null;
  for (const { defaultRoute } of ingresses) {
    if (defaultRoute === null) continue;
    if (fallback === null) fallback = defaultRoute;
    else diagnostics.push(diagnose(defaultRoute.route.source, fallbackConflict(fallback.route)));
  }
  return fallback;
}

/** What one rule alone makes of its host, and the fallback that went into it. Most hosts stand in one rule only. */
const mergedAlone = new WeakMap<LinkedRule, { readonly fallback: LinkedRoute | null; readonly merged: MergedHost }>();

function mergeHost(host: string, rules: readonly LinkedRule[], fallback: LinkedRoute | null): MergedHost {
  const [first] = rules;
  if (first === undefined || rules.length > 1) return new HostMerger(host, rules).merge(fallback);
  const known = mergedAlone.get(first);
  if (known !== undefined && known.fallback === fallback) return known.merged;
  const merged = new HostMerger(host, rules).merge(fallback);
  mergedAlone.set(first, { fallback, merged });
  return merged;
}

class HostMerger {
  readonly #host: string;
  readonly #rules: readonly LinkedRule[];
  readonly #byMatch = new Map<string, LinkedRoute>();
  readonly #diagnostics: Diagnostic[] = [];

  constructor(host: string, rules: readonly LinkedRule[]) {
    this.#host = host;
    this.#rules = rules;
  }

  merge(fallback: LinkedRoute | null): MergedHost {
    for (const { routes } of this.#rules) for (const route of routes) this.#add(route);
    const everything = this.#byMatch.get(EVERYTHING_KEY) ?? null;
    const last = everything ?? this.#chooseDefault() ?? fallback;
    this.#reportShadowed(last);
    const linked = Array.from(this.#byMatch.values()).toSorted(compareRoutes);
    // Exact `/` has the same length but comes first, so the end is the place of prefix `/`.
    if (everything === null && last !== null) linked.push(last);
    const uses = new Set<UpstreamUse>();
    for (const { use } of linked) if (use !== null) uses.add(use);
    return {
      virtualHost: { host: this.#host, routes: linked.map(({ route }) => route) },
      uses: Array.from(uses),
      diagnostics: this.#diagnostics,
    };
  }

  #add(linked: LinkedRoute): void {
    const { route } = linked;
    const key = matchKey(route.path);
    const winner = this.#byMatch.get(key)?.route;
    if (winner === undefined) this.#byMatch.set(key, linked);
    else this.#diagnostics.push(diagnose(route.source, pathConflict(this.#host, route, winner)));
  }

  /** Of the host's own Ingress objects. Without a host, the default backends compete for the place of the fallback. */
  #chooseDefault(): LinkedRoute | null {
    if (this.#host === "") return null;
    return this.#rules.find(({ defaultRoute }) => defaultRoute !== null)?.defaultRoute ?? null;
  }

  #reportShadowed(last: LinkedRoute | null): void {
    if (this.#host === "" || last === null) return;
    for (const defaultRoute of new Set(this.#rules.map((rule) => rule.defaultRoute))) {
      if (defaultRoute === null || isSameObject(defaultRoute.route, last.route)) continue;
      const fault = defaultShadowed(this.#host, last.route);
      this.#diagnostics.push(diagnose(defaultRoute.route.source, fault));
    }
  }
}

const EVERYTHING_KEY = matchKey({ kind: "prefix", value: "/" });

function matchKey(path: PathMatch): string {
  return path.kind === "exact" ? `=${path.value}` : path.value;
}

function compareRoutes(left: LinkedRoute, right: LinkedRoute): number {
  return comparePathMatches(left.route.path, right.route.path);
}

function isSameObject(left: Route, right: Route): boolean {
  return formatName(left.source.object) === formatName(right.source.object);
}

/** Short, as the webhook's warnings are cut at 256 characters, and the hint shall still be in them. */
const PRECEDENCE = "which is older or first by name";

function pathConflict(host: string, { path, source }: Route, winner: Route): Problem {
  const where = `${path.kind === "exact" ? "Exact" : "Prefix"} path ${quoteText(path.value)} of ${showHost(host)}`;
  const hint = "Remove one of the two, or change its path.";
  if (formatName(source.object) === formatName(winner.source.object)) {
    const message = `${where} is already served by ${winner.source.field}; the first one counts.`;
    return problem("warning", "PathConflict", message, hint);
  }
  const fault = { severity: "warning", reason: "PathConflict", hint } as const;
  return withOther(fault, winner.source.object, describeRoute(winner), (other) => {
    return `${where} is already served by ${other}, ${PRECEDENCE}.`;
  });
}

function fallbackConflict({ source }: Route): Problem {
  const hint = "Keep one default backend; one beside rules still serves the hosts of its own rules.";
  const fault = { severity: "warning", reason: "DefaultBackendConflict", hint } as const;
  return withOther(fault, source.object, `Ingress ${formatName(source.object)}`, (other) => {
    return `Requests that no host matches go to the default backend of ${other}, ${PRECEDENCE}.`;
  });
}

function defaultShadowed(host: string, winner: Route): Problem {
  const fault = { severity: "warning", reason: "DefaultBackendShadowed", hint: "Keep one of the two." } as const;
  return withOther(fault, winner.source.object, describeRoute(winner), (other) => {
    return `The default backend gets no requests for ${showHost(host)}: ${other} takes all that is left.`;
  });
}

function describeRoute(route: Route): string {
  return `Ingress ${formatName(route.source.object)} (${route.source.field})`;
}

function showHost(host: string): string {
  return host === "" ? "every host" : `host ${quoteText(host)}`;
}
