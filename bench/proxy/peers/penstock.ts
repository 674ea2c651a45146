// Penstock as `serve` runs it: compiled, one worker, from ordinary manifests, access log on standard output.
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Site } from "../site.ts";
import { MAIN_HOST } from "../site.ts";
import type { Peer, PeerBinary, PeerCommand } from "./peer.ts";

const ROOT = join(import.meta.dirname, "../../..");
const MAIN = join(ROOT, "dist/main.js");

export const penstock: Peer = {
  name: "penstock",
  installHint: "npm run build must give dist/main.js with a serve command, or set BENCH_PENSTOCK_MAIN",
  find(): PeerBinary | null {
    const named = process.env["BENCH_PENSTOCK_MAIN"];
    if (named !== undefined && named !== "") {
      return existsSync(named) ? { path: named, version: named } : null;
    }
    if (!existsSync(join(ROOT, "src/main.ts"))) return null;
    buildIfStale();
    return existsSync(MAIN) ? { path: MAIN, version: describeCommit() } : null;
  },
  configure(binary: PeerBinary, site: Site): PeerCommand {
    const manifests = join(site.directory, "manifests");
    mkdirSync(manifests);
    writeFileSync(join(manifests, "site.yaml"), renderManifests(site));
    const listeners = ["--http", `127.0.0.1:${site.httpPort}`, "--https", `127.0.0.1:${site.httpsPort}`];
    const serve = ["serve", "--from", manifests, ...listeners, "--admin", `127.0.0.1:${site.adminPort}`];
    const args = [...nodeFlags(), binary.path, ...serve, "--workers", "1", "--no-watch"];
    return { file: process.execPath, args, standardOutput: "access-log" };
  },
};

/** Flags for the runtime itself, for profiles and experiments: BENCH_NODE_FLAGS, separated by spaces. */
function nodeFlags(): readonly string[] {
  return (process.env["BENCH_NODE_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");
}

/** Nobody wants to measure yesterday's build; throws when the compiler finds errors. */
function buildIfStale(): void {
  const built = existsSync(MAIN) ? statSync(MAIN).mtimeMs : 0;
  const newest = globSync("src/**/*.ts", { cwd: ROOT }).reduce(
    (latest, file) => Math.max(latest, statSync(join(ROOT, file)).mtimeMs),
    0,
  );
  if (newest <= built) return;
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [compiler, "-p", join(ROOT, "tsconfig.build.json")], { stdio: ["ignore", 2, 2] });
}

function describeCommit(): string {
  try {
    const git = (...args: string[]): string => execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
    const dirty = git("status", "--porcelain", "--", "src") === "" ? "" : ", uncommitted changes";
    return `${git("rev-parse", "--short", "HEAD")}${dirty}`;
  } catch {
    return "no git checkout";
  }
}

/** An Ingress a host, as tenants write them; JSON documents are YAML too. */
function renderManifests(site: Site): string {
  const objects = [
    ingressClass(),
    tlsSecret(site),
    service(),
    endpointSlice(site.originPort),
    ...site.hosts.map(ingress),
  ];
  return objects.map((object) => JSON.stringify(object)).join("\n---\n");
}

const NAMESPACE = "bench";

function ingressClass(): object {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name: "penstock" },
    spec: { controller: "penstock.dev/ingress-controller" },
  };
}

function tlsSecret(site: Site): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: NAMESPACE, name: "tls" },
    type: "kubernetes.io/tls",
    data: { "tls.crt": encodeBase64(site.certificate.chainPem), "tls.key": encodeBase64(site.certificate.keyPem) },
  };
}

function encodeBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function service(): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: NAMESPACE, name: "origin" },
    spec: { ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  };
}

function endpointSlice(port: number): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: NAMESPACE, name: "origin-1", labels: { "kubernetes.io/service-name": "origin" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
    ports: [{ name: "http", port, protocol: "TCP" }],
  };
}

function ingress(host: string, index: number): object {
  const backend = { service: { name: "origin", port: { name: "http" } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { namespace: NAMESPACE, name: `site-${index}` },
    spec: {
      ingressClassName: "penstock",
      ...(host === MAIN_HOST ? { tls: [{ hosts: [host], secretName: "tls" }] } : {}),
      rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
    },
  };
}
