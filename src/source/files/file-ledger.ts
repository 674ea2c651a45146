// Every file that the given paths stand for, as it was when last read, and when it is time to read or forget one.
// Told what a scan found; watches nothing itself.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { FileReading } from "./file-reading.ts";
import { readManifestFile } from "./file-reading.ts";
import type { HeldFile } from "./held-file.ts";
import { fileDiagnostic, holdFile, missingFile } from "./held-file.ts";
import type { MergedFiles } from "./merge-files.ts";
import { mergeFiles } from "./merge-files.ts";
import type { ReadLimits } from "./read-limits.ts";
import type { ScanFailure, ScannedFile, ScanResult } from "./scan-paths.ts";

/** How much patience a ledger has with files that are being written. Times in milliseconds. */
export interface LedgerTiming {
  /** A file that was written so recently may not be complete. */
  readonly settleMs: number;
  /** A file that is gone for less long is about to be replaced. */
  readonly goneMs: number;
}

interface LedgerEntry {
  readonly file: ScannedFile;
  readonly reading: FileReading;
  readonly held: HeldFile;
  /** It may have been written again in the same instant that it was read: to be read once more. */
  readonly isFresh: boolean;
}

/** After so many scans a file that never rests is read all the same. */
const MAX_POSTPONED = 20;

export class FileLedger {
  readonly #limits: ReadLimits;
  readonly #timing: LedgerTiming;
  readonly #now: () => number;
  #entries = new Map<string, LedgerEntry>();
  readonly #missingSince = new Map<string, number>();
  readonly #postponed = new Map<string, number>();
  #failures: readonly ScanFailure[] = [];
  #emptyPaths: readonly string[] = [];

  /** `now` is the time by the clock of the files, in milliseconds since 1970. */
  constructor(limits: ReadLimits, timing: LedgerTiming, now: () => number = Date.now) {
    this.#limits = limits;
    this.#timing = timing;
    this.#now = now;
  }

  /** Reads everything as it is at this moment; true where a file has to be looked at again soon. */
  readAll(scan: ScanResult): Promise<boolean> {
    return this.#take(scan, 0);
  }

  /** Reads what changed since; true where a file has to be looked at again soon. */
  readChanges(scan: ScanResult): Promise<boolean> {
    return this.#take(scan, MAX_POSTPONED);
  }

  /** The world as all files together tell it. */
  merge(): MergedFiles {
    const files: HeldFile[] = [];
    for (const [path, { held }] of this.#entries) {
      files.push(this.#missingSince.has(path) ? missingFile(held) : held);
    }
    const merged = mergeFiles(files);
    return { objects: merged.objects, diagnostics: [...this.#scanDiagnostics(), ...merged.diagnostics] };
  }

  async #take(scan: ScanResult, patience: number): Promise<boolean> {
    const nowMs = this.#now();
    const entries = new Map<string, LedgerEntry>();
    let isRestless = false;
    let bytes = 0;
    for (const file of scan.files) {
      bytes += file.bytes;
      const isFresh = isRecent(nowMs - file.modifiedMs, this.#timing.settleMs);
      const entry = this.#entries.get(file.path) ?? null;
      const isKnown = entry?.file.fingerprint === file.fingerprint && !entry.isFresh;
      if (isKnown) {
        this.#postponed.delete(file.path);
        entries.set(file.path, { ...entry, file });
      } else if (isFresh && this.#postpone(file.path, patience)) {
        isRestless = true;
        if (entry !== null) entries.set(file.path, entry);
      } else {
        isRestless ||= isFresh;
        entries.set(
          file.path,
          await this.#read(file, entry, { isFresh, isOverTotal: bytes > this.#limits.maxTotalBytes }),
        );
      }
    }
    isRestless = this.#keepMissing(entries, scan, nowMs) || isRestless;
    this.#entries = entries;
    this.#failures = scan.failures;
    this.#emptyPaths = scan.emptyPaths;
    return isRestless;
  }

  async #read(
    file: ScannedFile,
    entry: LedgerEntry | null,
    state: { readonly isFresh: boolean; readonly isOverTotal: boolean },
  ): Promise<LedgerEntry> {
    this.#postponed.delete(file.path);
    // One file more than all may have together is refused as if it alone were too large.
    const limits = state.isOverTotal ? { ...this.#limits, maxFileBytes: 0 } : this.#limits;
    const reading = await readManifestFile(file.path, limits, entry?.reading ?? null);
    const held = holdFile(file.path, reading, entry?.held ?? null, this.#limits.maxDiagnosticsPerFile);
    return { file, reading, held, isFresh: state.isFresh };
  }

  #postpone(path: string, patience: number): boolean {
    const count = this.#postponed.get(path) ?? 0;
    if (count >= patience) return false;
    this.#postponed.set(path, count + 1);
    return true;
  }

  /** Carries over what the scan did not find: for good below a path that cannot be read, for a while elsewhere. */
  #keepMissing(entries: Map<string, LedgerEntry>, scan: ScanResult, nowMs: number): boolean {
    let isRestless = false;
    for (const path of this.#missingSince.keys()) if (entries.has(path)) this.#missingSince.delete(path);
    const found = new Set(scan.files.map((file) => file.path));
    for (const path of this.#postponed.keys()) if (!found.has(path)) this.#postponed.delete(path);
    for (const [path, entry] of this.#entries) {
      if (entries.has(path)) continue;
      if (scan.failures.some((failure) => isBelow(entry.file, failure))) {
        this.#missingSince.delete(path);
        entries.set(path, entry);
        continue;
      }
      const since = this.#missingSince.get(path) ?? nowMs;
      if (nowMs - since >= this.#timing.goneMs && this.#missingSince.has(path)) {
        this.#missingSince.delete(path);
        continue;
      }
      this.#missingSince.set(path, since);
      entries.set(path, entry);
      isRestless = true;
    }
    return isRestless;
  }

  #scanDiagnostics(): Diagnostic[] {
    const failures = this.#failures.map((failure) =>
      fileDiagnostic(failure.path, {
        severity: "error",
        reason: "PathUnreadable",
        message: `cannot read ${failure.path}: ${failure.message}`,
        hint: this.#hasHeld(failure) ? "What was last read from it is still served." : "",
      }),
    );
    const empty = this.#emptyPaths.map((path) =>
      fileDiagnostic(path, {
        severity: "warning",
        reason: "NoManifests",
        message: `${path} holds no manifests: there is no .yaml, .yml or .json file in it`,
      }),
    );
    return [...failures, ...empty];
  }

  #hasHeld(failure: ScanFailure): boolean {
    for (const { file, held } of this.#entries.values()) {
      if (held.objects.length > 0 && isBelow(file, failure)) return true;
    }
    return false;
  }
}

/** A failure without a path of its own, or of the whole path, is that of everything below the path given. */
function isBelow(file: ScannedFile, failure: ScanFailure): boolean {
  if (file.root !== failure.root) return false;
  return (
    failure.isRoot || failure.code === "" || file.path === failure.path || file.path.startsWith(`${failure.path}/`)
  );
}

/** A time in the future is a clock that is wrong, and no reason to wait. */
function isRecent(ageMs: number, settleMs: number): boolean {
  return ageMs >= 0 && ageMs < settleMs;
}
