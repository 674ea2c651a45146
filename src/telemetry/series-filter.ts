// Which routes and upstreams the configuration has: series of others are dropped.
import type { RouteAction, RouteTable } from "../ir/route-table.ts";
import { OTHER } from "./metric-definitions.ts";

/** Both ids may be `""`: no route matched, or the proxy answered by itself. */
export type SeriesFilter = (route: string, upstream: string) => boolean;

export function createSeriesFilter(table: RouteTable): SeriesFilter {
  const actionsByRoute = new Map<string, RouteAction>();
  for (const { routes } of table.virtualHosts) {
    for (const { id, action } of routes) actionsByRoute.set(id, action);
  }
  return (route, upstream) => {
    if (route === "" || route === OTHER) return true;
    const action = actionsByRoute.get(route);
    return action !== undefined && (upstream === "" || forwardsTo(action, upstream));
  };
}

function forwardsTo(action: RouteAction, upstream: string): boolean {
  return action.kind === "forward" && action.upstreams.some((weighted) => weighted.upstream === upstream);
}
