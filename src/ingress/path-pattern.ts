// A configured path as requests are matched against it.
import type { Route } from "../ir/route-table.ts";
import { canonicalizeConfiguredPath } from "./request-path.ts";

/** A configured path in matching form (request-path.ts). */
export interface PathPattern {
  readonly kind: "exact" | "prefix";
  /** Begins with a slash; a slash at the end of a prefix makes it longer, and changes nothing else. */
  readonly path: string;
}

/** Null where no request can match the route's path. */
export function patternOf(route: Route): PathPattern | null {
  const path = canonicalizeConfiguredPath(route.path.value);
  return path === null ? null : { kind: route.path.kind, path };
}
