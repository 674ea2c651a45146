// Manifests read once, for commands that answer and end. What a running proxy reads comes from FileSource.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectUpsert } from "../object-store.ts";
import { SourceError } from "../source-error.ts";
import { FileLedger } from "./file-ledger.ts";
import type { ReadLimits } from "./read-limits.ts";
import { DEFAULT_READ_LIMITS } from "./read-limits.ts";
import type { ScanResult } from "./scan-paths.ts";
import { scanPaths } from "./scan-paths.ts";

export interface ReadResult {
  /** The accepted objects, ready for `ObjectStore.apply`. */
  readonly objects: readonly ObjectUpsert[];
  /** In the order of files and lines. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads every manifest in the files and folders. What is wrong with them is in the diagnostics; a path that cannot
 * be read at all throws a SourceError.
 */
export async function readManifests(
  paths: readonly string[],
  limits: ReadLimits = DEFAULT_READ_LIMITS,
): Promise<ReadResult> {
  const scan = await scanPaths(paths, limits);
  assertRootsReadable(scan);
  const ledger = new FileLedger(limits, { settleMs: 0, goneMs: 0 });
  await ledger.readAll(scan);
  const { objects, diagnostics } = ledger.merge();
  return {
    objects: Array.from(objects.values(), ({ object, location }) => ({ type: "upsert", object, location })),
    diagnostics,
  };
}

/** Throws where a path that the user gave cannot be read: a typing mistake must not look like an empty world. */
export function assertRootsReadable(scan: ScanResult): void {
  const failure = scan.failures.find((found) => found.isRoot);
  if (failure === undefined) return;
  const advice = failure.code === "EACCES" || failure.code === "EPERM" ? "check its permissions" : "check the path";
  throw new SourceError(`cannot read manifests from ${failure.path}: ${failure.message}; ${advice}`);
}
