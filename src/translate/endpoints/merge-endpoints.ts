// Puts endpoints in order and leaves one of those with the same address and port.
import type { Endpoint } from "../../ir/upstream.ts";
import { compareStrings } from "../../lib/compare-strings.ts";

/** Sorted by address, then port. Of several entries for one the best stays: a slice that is late must not take it away. */
export function mergeEndpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const merged: Endpoint[] = [];
  for (const endpoint of endpoints.toSorted(compareEndpoints)) {
    const previous = merged.at(-1);
    const isRepeated = previous?.address === endpoint.address && previous.port === endpoint.port;
    if (!isRepeated) merged.push(endpoint);
  }
  return merged;
}

function compareEndpoints(left: Endpoint, right: Endpoint): number {
  return (
    compareStrings(left.address, right.address) ||
    left.port - right.port ||
    rank(left) - rank(right) ||
    // Alike as far as traffic goes: any order that does not depend on that of the slices.
    compareStrings(left.zone ?? "", right.zone ?? "") ||
    compareStrings(left.node ?? "", right.node ?? "") ||
    compareStrings(left.forZones.join(), right.forZones.join())
  );
}

/** Best first: ready, then serving (while it terminates), then one that may become ready, then one that ends. */
function rank(endpoint: Endpoint): number {
  return (endpoint.ready ? 0 : 4) + (endpoint.serving ? 0 : 2) + (endpoint.terminating ? 1 : 0);
}
