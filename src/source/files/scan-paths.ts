// Which files the given paths hold at this moment, and how each of them looks from outside. Reads no file.
import type { BigIntStats, Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describeFileError, errorCode } from "./file-error.ts";
import type { ReadLimits } from "./read-limits.ts";

/** A file that a path stands for. */
export interface ScannedFile {
  /** As the user would write it: the given path, and what is below it. */
  readonly path: string;
  /** Position of the given path among all that were given. */
  readonly root: number;
  /** Changes whenever the content may have changed: identity, size and times, behind every symbolic link. */
  readonly fingerprint: string;
  readonly bytes: number;
  /** Milliseconds since 1970, by the clock of the file system. */
  readonly modifiedMs: number;
}

/** A folder to watch. */
export interface ScannedFolder {
  readonly path: string;
  /** Another folder of the same name has another identity. */
  readonly identity: string;
  /** Only changes of this entry matter; null: of all entries. */
  readonly entry: string | null;
}

/** A path that could not be looked into: what is below it stays as it was. */
export interface ScanFailure {
  readonly path: string;
  readonly root: number;
  readonly isRoot: boolean;
  readonly code: string;
  /** What happened, in words. */
  readonly message: string;
}

export interface ScanResult {
  /** In the order of the given paths, and sorted by path below each; a file reached twice is here once. */
  readonly files: readonly ScannedFile[];
  readonly folders: readonly ScannedFolder[];
  readonly failures: readonly ScanFailure[];
  /** The given paths that hold no manifest at all. */
  readonly emptyPaths: readonly string[];
}

/** Entries of a folder that are looked at side by side. */
const ENTRIES_AT_ONCE = 32;

const MANIFEST_ENDINGS = [".yaml", ".yml", ".json"];

/** Looks through every path. Never throws: what cannot be looked into is among the failures. */
export async function scanPaths(paths: readonly string[], limits: ReadLimits): Promise<ScanResult> {
  const scan = new Scan(limits);
  for (const [root, path] of paths.entries()) await scan.addRoot(path, root);
  return scan.finish(paths);
}

class Scan {
  readonly #files: ScannedFile[] = [];
  readonly #folders: ScannedFolder[] = [];
  readonly #failures: ScanFailure[] = [];
  /** Given paths under which something was found, even where another one had it first. */
  readonly #fullRoots = new Set<number>();
  readonly #limits: ReadLimits;
  /** Real paths: a link to what is read already, or to a folder around it, adds nothing. */
  readonly #seen = new Set<string>();
  #folderCount = 0;
  #root = 0;
  #isOverLimit = false;

  constructor(limits: ReadLimits) {
    this.#limits = limits;
  }

  finish(paths: readonly string[]): ScanResult {
    const emptyPaths = paths.filter((_, root) => !this.#fullRoots.has(root));
    return { files: this.#files, folders: this.#folders, failures: this.#failures, emptyPaths };
  }

  async addRoot(path: string, root: number): Promise<void> {
    this.#root = root;
    await this.#watchAround(path);
    try {
      const status = await stat(path, { bigint: true });
      if (status.isDirectory()) await this.#addFolder(path, 0, status);
      else if (status.isFile()) await this.#addFile(path, await realpath(path), status);
      else this.#fail(path, { message: "it is neither a file nor a folder", isRoot: true });
    } catch (error) {
      this.#fail(path, { message: describeFileError(error), code: errorCode(error), isRoot: true });
    }
  }

  /** A given path can be replaced as a whole, which only the folder around it tells. */
  async #watchAround(path: string): Promise<void> {
    const name = basename(path);
    // Of `..` or `/` there is no name to look for.
    if (name !== "" && name !== "." && name !== "..") await this.#watchEntry(join(path, ".."), name);
  }

  async #watchEntry(folder: string, entry: string): Promise<void> {
    try {
      const status = await stat(folder, { bigint: true });
      this.#folders.push({ path: folder, identity: identityOf(status), entry });
    } catch {
      // The slow rescan will find it when it is back.
    }
  }

  async #addFolder(path: string, depth: number, status: BigIntStats): Promise<void> {
    const real = await realpath(path);
    if (this.#seen.has(real)) {
      this.#fullRoots.add(this.#root);
      return;
    }
    this.#seen.add(real);
    this.#folderCount += 1;
    const { maxFolders, maxFolderDepth } = this.#limits;
    if (this.#folderCount > maxFolders) return this.#failLimit(path, `${maxFolders} folders`);
    if (depth > maxFolderDepth) return this.#failLimit(path, `${maxFolderDepth} levels of folders`);
    this.#folders.push({ path, identity: identityOf(status), entry: null });
    const entries = (await readdir(path, { withFileTypes: true })).filter(isOfInterest).toSorted(byName);
    for (let next = 0; next < entries.length && !this.#isOverLimit; next += ENTRIES_AT_ONCE) {
      const batch = entries.slice(next, next + ENTRIES_AT_ONCE).map((entry) => lookAt({ path, real }, entry));
      for (const look of await Promise.all(batch)) await this.#addEntry(look, depth);
    }
  }

  async #addEntry(look: EntryLook, depth: number): Promise<void> {
    const { path, real, status } = look;
    try {
      if (status === null) throw look.error;
      if (status.isDirectory()) await this.#addFolder(path, depth + 1, status);
      else if (status.isFile() && isManifestName(path)) await this.#addFile(path, real, status);
    } catch (error) {
      // A link to nowhere, or gone between the listing and the look: not there.
      const code = errorCode(error);
      if (code !== "ENOENT") this.#fail(path, { message: describeFileError(error), code });
    }
  }

  async #addFile(path: string, real: string, status: BigIntStats): Promise<void> {
    this.#fullRoots.add(this.#root);
    if (this.#seen.has(real)) return;
    this.#seen.add(real);
    if (this.#files.length >= this.#limits.maxFiles) {
      return this.#failLimit(path, `${this.#limits.maxFiles} files`);
    }
    // Behind a link the file can be written without a sign of it in the folders that are watched anyway.
    if (!this.#seen.has(dirname(real))) await this.#watchEntry(dirname(real), basename(real));
    const { size, mtimeNs, ctimeNs } = status;
    const fingerprint = [identityOf(status), size, mtimeNs, ctimeNs, real].join(" ");
    const [bytes, modifiedMs] = [Number(size), Number(status.mtimeMs)];
    this.#files.push({ path, root: this.#root, fingerprint, bytes, modifiedMs });
  }

  #failLimit(path: string, limit: string): void {
    if (this.#isOverLimit) return;
    this.#isOverLimit = true;
    this.#fail(path, { message: `there are more than ${limit}: this and what follows is not read` });
  }

  #fail(path: string, failure: { readonly message: string; readonly code?: string; readonly isRoot?: boolean }): void {
    const { message, code = "", isRoot = false } = failure;
    this.#fullRoots.add(this.#root);
    this.#failures.push({ path, root: this.#root, isRoot, code, message });
  }
}

/** An entry of a folder, looked at through its link where it is one. */
interface EntryLook {
  readonly path: string;
  readonly real: string;
  /** Null where the look failed, for the reason in `error`. */
  readonly status: BigIntStats | null;
  readonly error: unknown;
}

async function lookAt(folder: { readonly path: string; readonly real: string }, entry: Dirent): Promise<EntryLook> {
  const path = join(folder.path, entry.name);
  try {
    const status = await stat(path, { bigint: true });
    const real = entry.isSymbolicLink() ? await realpath(path) : join(folder.real, entry.name);
    return { path, real, status, error: null };
  } catch (error) {
    return { path, real: path, status: null, error };
  }
}

/**
 * Hidden entries are an editor's, git's or the kubelet's own (`..data`, `..2026_01_31_…`): its volumes show every
 * file once more as a link without the dots.
 */
function isOfInterest(entry: Dirent): boolean {
  return !entry.name.startsWith(".") && (!entry.isFile() || isManifestName(entry.name));
}

function isManifestName(name: string): boolean {
  const lower = name.toLowerCase();
  return MANIFEST_ENDINGS.some((ending) => lower.endsWith(ending));
}

function identityOf(status: BigIntStats): string {
  return `${status.dev}:${status.ino}`;
}

function byName(first: Dirent, second: Dirent): number {
  if (first.name === second.name) return 0;
  return first.name < second.name ? -1 : 1;
}
