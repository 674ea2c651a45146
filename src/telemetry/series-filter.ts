// Which routes and upstreams the configuration has: series of others are dropped.
import type { RouteTable } from "../ir/route-table.ts";
import { OTHER } from "./metric-definitions.ts";

/** Both ids may be `""`: no route matched, or the proxy answered by itself. */
export type SeriesFilter = (route: string, upstream: string) => boolean;

export function createSeriesFilter(table: RouteTable): SeriesFilter {
  const upstreamsByRoute = new Map<string, ReadonlySet<string>>();
  for (const { routes } of table.virtualHosts) {
    for (const { id, action } of routes) {
      const upstreams = action.kind === "forward" ? action.upstreams : [];
      upstreamsByRoute.set(id, new Set(upstreams.map(({ upstream }) => upstream)));
    }
  }
  return (route, upstream) => {
    if (route === "" || route === OTHER) return true;
    const upstreams = upstreamsByRoute.get(route);
    return upstreams !== undefined && (upstream === "" || upstreams.has(upstream));
  };
}
