// One digest for a whole snapshot, so that an unchanged one is not published again. Key material counts by its digest.
import { createHash, hash } from "node:crypto";
import type { Snapshot } from "../ir/snapshot.ts";
import { compareStrings } from "../lib/compare-strings.ts";

/**
 * Hex SHA-256 of the snapshot's parts, each by the SHA-256 of its canonical JSON: keys sorted, nothing between tokens. A
 * `SecretBytes` is in it by its `sha256`, since JSON shows the bytes as `{}`. Other properties of the object, such as a
 * result's diagnostics, do not count. What translation hands over again unchanged is not digested again.
 */
export function hashSnapshot(snapshot: Snapshot): string {
  const whole = createHash("sha256");
  const { virtualHosts, tlsHosts } = snapshot.routeTable;
  for (const list of [virtualHosts, tlsHosts, snapshot.upstreams, snapshot.certificates, snapshot.endpoints]) {
    let digests = `${list.length}:`;
    for (const item of list) digests += digestOf(item);
    whole.update(digests);
  }
  return whole.update(JSON.stringify(snapshot.defaultCertificate)).digest("hex");
}

const digests = new WeakMap<object, string>();

function digestOf(item: object): string {
  let digest = digests.get(item);
  if (digest === undefined) {
    digest = hash("sha256", canonicalJson(item), "base64");
    digests.set(item, digest);
  }
  return digest;
}

/** The IR is plain data: strings, numbers, booleans, null, lists and records. */
function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += `,${canonicalJson(item)}`;
    return `[${text.slice(1)}]`;
  }
  const record = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(record).toSorted(compareStrings)) text += `,"${key}":${canonicalJson(record[key])}`;
  return `{${text.slice(1)}}`;
}
