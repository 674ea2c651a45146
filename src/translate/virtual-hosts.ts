// Puts the routes of all Ingress objects together, host by host: conflicts, default backends, order.
import type { Diagnostic } from "../ir/diagnostic.ts";
import { formatName } from "../ir/names.ts";
import type { PathMatch, Route, VirtualHost } from "../ir/route-table.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import { quoteText } from "../lib/quote-text.ts";
import { diagnose, problem } from "./diagnose.ts";
import type { Problem } from "./diagnose.ts";
import { comparePathMatches } from "./path.ts";

/**
 * Collects routes in order of precedence: who adds first keeps the match.
 *
 * A request's host is looked up before its path: an exact host hides the wildcard and the any-host rules even where none
 * of its paths match. Only the default backend is for such requests too, so it is the last route, prefix `/`, of every
 * host that has none of its own: the data plane needs no special case, and the route's id says what it is.
 */
export class VirtualHostsBuilder {
  readonly #hosts = new Map<string, HostRoutes>();
  readonly #diagnostics: Diagnostic[];
  #fallback: Route | null = null;

  constructor(diagnostics: Diagnostic[]) {
    this.#diagnostics = diagnostics;
  }

  /** Claims the host even where no route follows. */
  addHost(host: string): void {
    this.#routesOf(host);
  }

  addRoute(host: string, route: Route): void {
    const { byMatch } = this.#routesOf(host);
    const key = matchKey(route.path);
    const winner = byMatch.get(key);
    if (winner === undefined) byMatch.set(key, route);
    else this.#report(route, pathConflict(host, route.path, winner, isSameObject(route, winner)));
  }

  /** The default backend of an Ingress: for its own hosts, and for all that no host matches if it is the first. */
  addDefaultBackend(hosts: Iterable<string>, route: Route): void {
    for (const host of hosts) {
      // Without a host it competes for the place of the fallback, below.
      if (host === "") continue;
      this.#routesOf(host).defaultRoutes.push(route);
    }
    if (this.#fallback === null) this.#fallback = route;
    else this.#report(route, fallbackConflict(this.#fallback));
  }

  /** Sorted by host. */
  finish(): readonly VirtualHost[] {
    if (this.#fallback !== null) this.addHost("");
    const hosts = Array.from(this.#hosts.keys()).toSorted(compareStrings);
    return hosts.map((host) => ({ host, routes: this.#finishRoutes(host, this.#routesOf(host)) }));
  }

  #finishRoutes(host: string, { byMatch, defaultRoutes }: HostRoutes): readonly Route[] {
    const routes = Array.from(byMatch.values()).toSorted(compareRoutes);
    const everything = byMatch.get(EVERYTHING_KEY);
    const last = everything ?? defaultRoutes[0] ?? this.#fallback;
    for (const route of defaultRoutes) {
      if (last !== null && !isSameObject(route, last)) this.#report(route, defaultShadowed(host, last));
    }
    // Exact `/` has the same length but comes first, so the end is the place of prefix `/`.
    if (everything === undefined && last !== null) routes.push(last);
    return routes;
  }

  #routesOf(host: string): HostRoutes {
    let routes = this.#hosts.get(host);
    if (routes === undefined) {
      routes = { byMatch: new Map(), defaultRoutes: [] };
      this.#hosts.set(host, routes);
    }
    return routes;
  }

  #report(loser: Route, fault: Problem): void {
    this.#diagnostics.push(diagnose(loser.source, fault));
  }
}

interface HostRoutes {
  readonly byMatch: Map<string, Route>;
  /** In order of precedence. */
  readonly defaultRoutes: Route[];
}

const EVERYTHING_KEY = matchKey({ kind: "prefix", value: "/" });

function matchKey(path: PathMatch): string {
  return path.kind === "exact" ? `=${path.value}` : path.value;
}

function compareRoutes(left: Route, right: Route): number {
  return comparePathMatches(left.path, right.path);
}

function isSameObject(left: Route, right: Route): boolean {
  const [one, other] = [left.source.object, right.source.object];
  return one === other || (one.namespace === other.namespace && one.name === other.name);
}

function pathConflict(host: string, path: PathMatch, winner: Route, isOwn: boolean): Problem {
  const where = `${path.kind === "exact" ? "Exact" : "Prefix"} path ${quoteText(path.value)} of ${showHost(host)}`;
  const message = isOwn
    ? `${where} is already served by ${winner.source.field}; the first one counts.`
    : `${where} is already served by ${describeRoute(winner)}, which takes precedence: the older object, then by name.`;
  return problem("warning", "PathConflict", message, "Remove one of the two, or change its path.");
}

function fallbackConflict(winner: Route): Problem {
  const message = `Requests that no host matches go to the default backend of Ingress ${formatName(winner.source.object)}, which takes precedence: the older object, then by name.`;
  const hint = "Keep one default backend; one beside rules still serves the hosts of its own rules.";
  return problem("warning", "DefaultBackendConflict", message, hint);
}

function defaultShadowed(host: string, winner: Route): Problem {
  const message = `The default backend gets no requests for ${showHost(host)}: ${describeRoute(winner)} takes all that is left.`;
  return problem("warning", "DefaultBackendShadowed", message, "Keep one of the two.");
}

function describeRoute(route: Route): string {
  return `${route.source.field} of Ingress ${formatName(route.source.object)}`;
}

function showHost(host: string): string {
  return host === "" ? "every host" : `host ${quoteText(host)}`;
}
