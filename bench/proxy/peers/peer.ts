// What the harness needs to know about a proxy. One file a peer; no peer knows another.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Site } from "../site.ts";

export interface Peer {
  readonly name: string;
  /** Null: not on this machine. */
  find(): PeerBinary | null;
  /** How a reader gets it, one line. */
  readonly installHint: string;
  /** Writes the configuration for `site` into its directory and says how to start. */
  configure(binary: PeerBinary, site: Site): PeerCommand;
}

export interface PeerBinary {
  readonly path: string;
  /** As the program prints it, shortened to one line. */
  readonly version: string;
}

export interface PeerCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Where standard output goes: into the access log's file, or into the proxy's own log. */
  readonly standardOutput: "access-log" | "own-log";
}

/** The program named by the environment variable, else the first of that name on the PATH; null if there is none. */
export function findProgram(variable: string, name: string): string | null {
  const named = process.env[variable];
  if (named !== undefined && named !== "") return isExecutable(named) ? named : null;
  for (const directory of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]) {
    const path = join(directory, name);
    if (directory !== "" && isExecutable(path)) return path;
  }
  return null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first group of `pattern` in what `program args` prints to either stream, whatever its exit code; else "unknown". */
export function readVersion(program: string, args: readonly string[], pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(program, [...args], { encoding: "utf8" });
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? "unknown";
}
