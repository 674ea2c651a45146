// The routes of one host, ready for lookup, and what they were made of: a later snapshot takes them over where nothing of
// that changed.
import type { VirtualHost } from "../ir/route-table.ts";
import type { CompiledRoute } from "./compiled-route.ts";
import type { PathTrie } from "./path-trie.ts";

export class CompiledVirtualHost {
  readonly virtualHost: VirtualHost;
  readonly routes: readonly CompiledRoute[];
  readonly paths: PathTrie<CompiledRoute>;

  constructor(virtualHost: VirtualHost, routes: readonly CompiledRoute[], paths: PathTrie<CompiledRoute>) {
    this.virtualHost = virtualHost;
    this.routes = routes;
    this.paths = paths;
  }

  /** Where splits stand, by id of their route. */
  splitTurns(): ReadonlyMap<string, number> {
    const turns = new Map<string, number>();
    for (const { route, splitTurn } of this.routes) {
      if (splitTurn !== null) turns.set(route.id, splitTurn);
    }
    return turns;
  }
}
