// The configuration in force as JSON, in pieces, so that a large one neither stops the main thread nor fills its memory.
import type { Snapshot } from "../ir/snapshot.ts";

export interface PublishedConfig {
  readonly generation: number;
  readonly snapshot: Snapshot;
}

const PIECE_LENGTH = 64 * 1_024;

/** The pieces of one JSON document, newline-terminated. Key material is left out. */
export function* dumpConfig({ generation, snapshot }: PublishedConfig): Generator<string> {
  const { routeTable, upstreams, endpoints, certificates, defaultCertificate } = snapshot;
  yield `{"generation":${generation},"defaultCertificate":${JSON.stringify(defaultCertificate)}`;
  yield* dumpList("virtualHosts", routeTable.virtualHosts);
  yield* dumpList("tlsHosts", routeTable.tlsHosts);
  yield* dumpList("upstreams", upstreams);
  yield* dumpList("endpoints", endpoints);
  yield* dumpList("certificates", certificates);
  yield "}\n";
}

function* dumpList(name: string, items: readonly unknown[]): Generator<string> {
  let piece = `,"${name}":[`;
  for (const [i, item] of items.entries()) {
    piece += `${i === 0 ? "" : ","}${JSON.stringify(item, redact)}`;
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}]`;
}

/** Bytes in the IR are secrets (see ir/secret-bytes.ts); their digest stands beside them. */
function redact(_key: string, value: unknown): unknown {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? "REDACTED" : value;
}
