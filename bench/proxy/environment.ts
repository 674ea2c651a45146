// The machine and the programs behind a set of numbers.
import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { readVersion } from "./peers/peer.ts";

export interface Environment {
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
  /** Of the proxies and load generators, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

export function describeEnvironment(versions: Readonly<Record<string, string>>): Environment {
  return {
    date: new Date().toISOString(),
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `Linux ${release()}`,
    node: `${process.version} (OpenSSL ${process.versions.openssl})`,
    openssl: execFileSync("openssl", ["version"], { encoding: "utf8" }).trim(),
    versions,
  };
}

export function wrkVersion(path: string): string {
  return readVersion(path, ["--version"], /wrk (?:debian\/)?([^\s]+)/);
}

export function h2loadVersion(path: string): string {
  return readVersion(path, ["--version"], /nghttp2\/([^\s]+)/);
}
