// Why the routes of a virtual host did not get a request, in words.
import type { Route, VirtualHost } from "../../ir/route-table.ts";
import { patternOf } from "../path-pattern.ts";
import type { PathPattern } from "../path-pattern.ts";

export interface LosingRoute {
  readonly route: Route;
  /** It takes the path, but another route comes first. */
  readonly matches: boolean;
  readonly reason: string;
}

export interface LosingRoutes {
  /** Why the winner came first; `""` without a winner. */
  readonly whyWinner: string;
  /** All that match, then those that do not as far as `MAX_SHOWN` allows, near misses first. */
  readonly shown: readonly LosingRoute[];
  /** How many that do not match are left out. */
  readonly hidden: number;
}

/** Routes without a match that are shown; a virtual host may have thousands. */
const MAX_SHOWN = 20;

/** @param path in matching form. */
export function findLosingRoutes(virtualHost: VirtualHost, path: string, winner: Route | null): LosingRoutes {
  const winning = winner === null ? null : patternOf(winner);
  const matching: LosingRoute[] = [];
  const near: LosingRoute[] = [];
  const far: LosingRoute[] = [];
  for (const route of virtualHost.routes) {
    if (route === winner) continue;
    const pattern = patternOf(route);
    if (pattern !== null && matches(pattern, path)) {
      const reason = winning === null ? "matches, but the request is refused before" : whyOutranked(pattern, winning);
      matching.push({ route, matches: true, reason });
      continue;
    }
    const miss = pattern === null ? NEVER_MATCHES : whyMissed(pattern, path);
    (miss.isNear ? near : far).push({ route, matches: false, reason: miss.reason });
  }
  const missing = [...near, ...far];
  return {
    whyWinner: winner === null ? "" : describeWinner(winner, path, matching.length),
    shown: [...matching, ...missing.slice(0, MAX_SHOWN)],
    hidden: Math.max(0, missing.length - MAX_SHOWN),
  };
}

function describeWinner(winner: Route, path: string, outranked: number): string {
  const pattern = patternOf(winner);
  const isWhole = pattern !== null && withSlash(pattern.path) === withSlash(path);
  const match = isWhole ? "is the path" : winner.path.value === "/" ? "takes every path" : "begins the path";
  return outranked === 0
    ? `${match}; no other route matches`
    : `${match}; the most specific of ${outranked + 1} routes that match`;
}

interface Miss {
  /** Somebody may well have expected a match. */
  readonly isNear: boolean;
  readonly reason: string;
}

const NEVER_MATCHES: Miss = { isNear: true, reason: "can match no request: no path reads like this" };

function matches(pattern: PathPattern, path: string): boolean {
  if (pattern.kind === "exact") return pattern.path === path;
  const prefix = withSlash(pattern.path);
  return withSlash(path).startsWith(prefix);
}

function withSlash(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}

function whyOutranked(loser: PathPattern, winner: PathPattern): string {
  if (loser.path.length < winner.path.length) return "matches too, but its path is shorter";
  return loser.kind === winner.kind
    ? "has the same match in another spelling; the first one counts"
    : "matches too, but of equal paths exact comes before prefix";
}

function whyMissed(pattern: PathPattern, path: string): Miss {
  const sameCase = matches({ ...pattern, path: pattern.path.toLowerCase() }, path.toLowerCase());
  if (sameCase) return { isNear: true, reason: "differs in upper and lower case, which counts" };
  if (pattern.kind === "exact") {
    if (withSlash(pattern.path) === withSlash(path)) {
      return { isNear: true, reason: "is exact, so the slash at the end counts" };
    }
    if (matches({ kind: "prefix", path: pattern.path }, path)) {
      return { isNear: true, reason: "is exact, so it does not take paths below it" };
    }
    return { isNear: false, reason: "is another path" };
  }
  const prefix = pattern.path.endsWith("/") ? pattern.path.slice(0, -1) : pattern.path;
  if (path.startsWith(prefix)) {
    return { isNear: true, reason: "begins the path, but ends within an element, and prefixes match whole elements" };
  }
  return { isNear: false, reason: "does not begin the path" };
}
