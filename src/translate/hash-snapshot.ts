// One digest for a whole snapshot, so that an unchanged one is not published again. Key material counts by its digest.
import { createHash } from "node:crypto";
import type { Snapshot } from "../ir/snapshot.ts";
import { compareStrings } from "../lib/compare-strings.ts";

/**
 * Hex SHA-256 over the snapshot's canonical JSON: keys sorted, nothing between tokens. A `SecretBytes` is in it by its
 * `sha256`, since JSON shows the bytes as `{}`. Other properties of the object, such as a result's diagnostics, do not count.
 */
export function hashSnapshot(snapshot: Snapshot): string {
  const hash = createHash("sha256");
  const { virtualHosts, tlsHosts } = snapshot.routeTable;
  for (const list of [virtualHosts, tlsHosts, snapshot.upstreams, snapshot.certificates, snapshot.endpoints]) {
    // Item by item: the text of the whole would be tens of megabytes in one string.
    for (const item of list) hash.update(canonicalJson(item)).update("\n");
    hash.update("\n");
  }
  return hash.update(JSON.stringify(snapshot.defaultCertificate)).digest("hex");
}

/** The IR is plain data: strings, numbers, booleans, null, lists and records. */
function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  const record = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(record).toSorted(compareStrings);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`).join()}}`;
}
