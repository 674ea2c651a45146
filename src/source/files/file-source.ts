// Feeds an ObjectStore from files and folders, and keeps feeding it as they change.
//
// Deleting one manifest deletes its objects; a given path that disappears as a whole keeps them, with a diagnostic:
// the first is what an operator does, the second is what a failed mount looks like.
import { isDeepStrictEqual } from "node:util";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectChange, ObjectStore } from "../object-store.ts";
import type { LedgerTiming } from "./file-ledger.ts";
import { FileLedger } from "./file-ledger.ts";
import { FolderWatcher } from "./folder-watcher.ts";
import type { HeldObject } from "./held-file.ts";
import type { ReadLimits } from "./read-limits.ts";
import { DEFAULT_READ_LIMITS } from "./read-limits.ts";
import { assertRootsReadable } from "./read-manifests.ts";
import type { RescanTiming } from "./rescan-schedule.ts";
import { RescanSchedule } from "./rescan-schedule.ts";
import { scanPaths } from "./scan-paths.ts";

export interface FileSourceOptions {
  /** Files and folders; at least one. */
  readonly paths: readonly string[];
  readonly store: ObjectStore;
  /** False: read once. Default true. */
  readonly watch?: boolean;
  /** Called with all diagnostics whenever one came or went, after the store has the objects. */
  readonly onDiagnostics?: (diagnostics: readonly Diagnostic[]) => void;
  readonly limits?: ReadLimits;
  readonly timing?: Partial<FileSourceTiming>;
}

export type FileSourceTiming = LedgerTiming & RescanTiming;

const DEFAULT_TIMING: FileSourceTiming = {
  debounceMs: 25,
  maxDelayMs: 500,
  settleMs: 50,
  goneMs: 100,
  pollMs: 3_000,
};

export class FileSource {
  readonly #paths: readonly string[];
  readonly #store: ObjectStore;
  readonly #limits: ReadLimits;
  readonly #timing: FileSourceTiming;
  readonly #onDiagnostics: (diagnostics: readonly Diagnostic[]) => void;
  readonly #ledger: FileLedger;
  readonly #schedule: RescanSchedule | null;
  readonly #watcher: FolderWatcher | null;
  #published: ReadonlyMap<string, HeldObject> = new Map();
  #diagnostics: readonly Diagnostic[] = [];
  #isClosed = false;

  constructor(options: FileSourceOptions) {
    this.#paths = options.paths;
    this.#store = options.store;
    this.#limits = options.limits ?? DEFAULT_READ_LIMITS;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#onDiagnostics = options.onDiagnostics ?? (() => {});
    this.#ledger = new FileLedger(this.#limits, this.#timing);
    const isWatching = options.watch ?? true;
    this.#schedule = isWatching ? new RescanSchedule(this.#timing, () => this.#rescan()) : null;
    this.#watcher = isWatching ? new FolderWatcher(() => this.#schedule?.notice()) : null;
  }

  /** What is wrong with the files at this moment, in their order. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /**
   * Reads everything, marks the store as synced, and watches from then on. Throws a SourceError where one of the
   * paths cannot be read; whatever else is wrong is in the diagnostics.
   */
  async start(): Promise<void> {
    const scan = await scanPaths(this.#paths, this.#limits);
    assertRootsReadable(scan);
    const isRestless = await this.#ledger.readAll(scan);
    if (this.#isClosed) return;
    this.#watcher?.update(scan.folders);
    this.#publish();
    this.#store.markSynced();
    // Between the scan and the watch something may have changed; a file just written is looked at again when it rests.
    if (isRestless) this.#schedule?.within(this.#timing.settleMs);
    this.#schedule?.notice();
  }

  /** Stops watching; the store keeps what it has. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watcher?.close();
    await this.#schedule?.close();
  }

  async #rescan(): Promise<void> {
    const scan = await scanPaths(this.#paths, this.#limits);
    const isRestless = await this.#ledger.readChanges(scan);
    if (this.#isClosed) return;
    const hasNewFolder = this.#watcher?.update(scan.folders) ?? false;
    this.#publish();
    if (hasNewFolder) this.#schedule?.notice();
    if (isRestless) this.#schedule?.within(this.#timing.settleMs);
  }

  #publish(): void {
    const { objects, diagnostics } = this.#ledger.merge();
    const changes: ObjectChange[] = [];
    for (const [key, held] of objects) {
      if (!isSame(this.#published.get(key), held)) {
        changes.push({ type: "upsert", object: held.object, location: held.location });
      }
    }
    for (const [key, { ref }] of this.#published) if (!objects.has(key)) changes.push({ type: "delete", ref });
    this.#published = objects;
    if (changes.length > 0) this.#store.apply(changes);
    if (isDeepStrictEqual(diagnostics, this.#diagnostics)) return;
    this.#diagnostics = diagnostics;
    this.#onDiagnostics(diagnostics);
  }
}

function isSame(published: HeldObject | undefined, held: HeldObject): boolean {
  return (
    published !== undefined && published.object === held.object && isDeepStrictEqual(published.location, held.location)
  );
}
