// What every proxy of the benchmark is asked to serve: listeners, hosts, certificate, origin and log.
// Peers turn one `Site` into their own configuration; nothing here knows a particular proxy.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One TLS identity for all peers: an EC P-256 key, as most public certificates have today. */
export interface SiteCertificate {
  readonly chainFile: string;
  readonly keyFile: string;
  /** Chain and key in one file, as HAProxy wants them. */
  readonly bundleFile: string;
  readonly chainPem: string;
  readonly keyPem: string;
}

export interface Site {
  /** Empty, on tmpfs, for this sample only: configuration, logs and temporary files go here. */
  readonly directory: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** For what a proxy listens on besides its traffic. */
  readonly adminPort: number;
  readonly originPort: number;
  /** Exact hosts, each a virtual host of its own with one route, `/`. */
  readonly hosts: readonly string[];
  readonly certificate: SiteCertificate;
  /** Every peer's access log ends up in this file. */
  readonly accessLogFile: string;
}

/** The host that single-host scenarios ask for; it resolves without DNS, so load generators send it as SNI too. */
export const MAIN_HOST = "localhost";

/** `MAIN_HOST` and, for larger tables, generated names; `count` hosts in all. */
export function siteHosts(count: number): readonly string[] {
  const hosts = [MAIN_HOST];
  for (let index = 1; index < count; index += 1) hosts.push(generatedHost(index));
  return hosts;
}

/** Names of one length, so that the cost of parsing them does not depend on which one is drawn. */
function generatedHost(index: number): string {
  return `shop-${String(index).padStart(5, "0")}.bench.example`;
}

/** Makes a self-signed certificate for `MAIN_HOST` in `directory`; throws when the openssl command is missing. */
export function createCertificate(directory: string): SiteCertificate {
  const chainFile = join(directory, "tls.crt");
  const keyFile = join(directory, "tls.key");
  const bundleFile = join(directory, "tls.pem");
  const subject = ["-subj", `/CN=${MAIN_HOST}`, "-addext", `subjectAltName=DNS:${MAIN_HOST}`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", "-days", "2", ...key, ...subject, "-out", chainFile], { stdio: "pipe" });
  const chainPem = readFileSync(chainFile, "utf8");
  const keyPem = readFileSync(keyFile, "utf8");
  writeFileSync(bundleFile, chainPem + keyPem);
  return { chainFile, keyFile, bundleFile, chainPem, keyPem };
}
