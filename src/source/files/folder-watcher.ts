// Hears of changes in folders. Says only that something changed, never what: a scan finds that out.
import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import type { ScannedFolder } from "./scan-paths.ts";

interface WatchedFolder {
  readonly identity: string;
  readonly watcher: FSWatcher;
  /** The entries that matter; null: all. Replaced as a whole when the scan changes its mind. */
  entries: ReadonlySet<string> | null;
}

/** Watches folder by folder: the recursive mode of `fs.watch` loses symbolic links and replaced folders. */
export class FolderWatcher {
  readonly #onChange: () => void;
  readonly #folders = new Map<string, WatchedFolder>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Watches exactly these folders from now on; true where one is new, so that what happened before may be unknown. */
  update(folders: readonly ScannedFolder[]): boolean {
    const wanted = new Map<string, { identity: string; entries: Set<string> | null }>();
    for (const { path, identity, entry } of folders) {
      const known = wanted.get(path);
      if (known === undefined) wanted.set(path, { identity, entries: entry === null ? null : new Set([entry]) });
      else if (entry === null) known.entries = null;
      else known.entries?.add(entry);
    }
    for (const [path, folder] of this.#folders) {
      if (wanted.get(path)?.identity !== folder.identity) this.#drop(path);
    }
    let isNew = false;
    for (const [path, { identity, entries }] of wanted) {
      const known = this.#folders.get(path);
      if (known !== undefined) known.entries = entries;
      else isNew = this.#add(path, identity, entries) || isNew;
    }
    return isNew;
  }

  close(): void {
    for (const path of Array.from(this.#folders.keys())) this.#drop(path);
  }

  /** False where the folder cannot be watched (it is gone, or the system has no watches left): the slow rescan remains. */
  #add(path: string, identity: string, entries: ReadonlySet<string> | null): boolean {
    try {
      const watcher = watch(path);
      const folder: WatchedFolder = { identity, watcher, entries };
      watcher.on("change", (_event, name) => {
        if (matters(folder.entries, typeof name === "string" ? name : null)) this.#onChange();
      });
      watcher.on("error", () => {
        if (this.#folders.get(path) === folder) this.#drop(path);
        this.#onChange();
      });
      this.#folders.set(path, folder);
      return true;
    } catch {
      return false;
    }
  }

  #drop(path: string): void {
    this.#folders.get(path)?.watcher.close();
    this.#folders.delete(path);
  }
}

/** Hidden names are an editor's scratch files, but for those of the kubelet, whose `..data` is the whole change. */
function matters(entries: ReadonlySet<string> | null, name: string | null): boolean {
  if (name === null) return true;
  if (entries !== null) return entries.has(name);
  return !name.startsWith(".") || name.startsWith("..");
}
