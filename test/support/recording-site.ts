// `penstock serve` for manifests that a test makes out of hosts and paths, in front of upstreams that record every byte.
import type { TestContext } from "node:test";
import tls, { type TLSSocket } from "node:tls";
import { once } from "node:events";
import { createTestCertificate } from "./certificates.ts";
import { createFolder } from "./penstock-process.ts";
import { localFlags, RunningProxy } from "./running-proxy.ts";
import { answerEach, type OriginConnection, response, ScriptedOrigin } from "./scripted-origin.ts";

export interface SiteRoute {
  readonly host: string;
  /** A prefix. */
  readonly path: string;
  /** Names the upstream; it answers with this name. */
  readonly upstream: string;
}

export interface SiteOptions {
  readonly routes: readonly SiteRoute[];
  /** Hosts that get a certificate each. */
  readonly secureHosts?: readonly string[];
  readonly flags?: Readonly<Record<string, string>>;
}

export class RecordingSite {
  readonly #proxy: RunningProxy;
  readonly #origins: ReadonlyMap<string, ScriptedOrigin>;

  readonly #taken = new WeakMap<OriginConnection, number>();

  private constructor(proxy: RunningProxy, origins: ReadonlyMap<string, ScriptedOrigin>) {
    this.#proxy = proxy;
    this.#origins = origins;
  }

  static async start(context: TestContext, options: SiteOptions): Promise<RecordingSite> {
    const { routes, secureHosts = [], flags = {} } = options;
    const origins = new Map<string, ScriptedOrigin>();
    for (const { upstream } of routes) {
      if (origins.has(upstream)) continue;
      const origin = await ScriptedOrigin.start(answerEach(response(upstream)));
      context.after(() => origin.stop());
      origins.set(upstream, origin);
    }
    const folder = await createFolder(context, {
      "ingress.yaml": ingressYaml(routes, secureHosts),
      "services.yaml": [...origins].map(([name, { port }]) => serviceYaml(name, port)).join("---\n"),
      "secrets.yaml": secureHosts.map(secretYaml).join("---\n"),
    });
    const addresses = secureHosts.length === 0 ? {} : { https: "127.0.0.1:0" };
    const args = ["serve", "--from", folder, ...localFlags({ "access-log": "off", ...addresses, ...flags })];
    return new RecordingSite(await RunningProxy.start(context, args), origins);
  }

  get httpPort(): number {
    return this.#proxy.httpPort;
  }

  get httpsPort(): number {
    return Number(/listening for https on [^"]*:(\d+)"/.exec(this.#proxy.process.stderr)?.[1]);
  }

  /** All that an upstream received since it was taken last. */
  takeReceived(upstream: string): string {
    const origin = this.#origins.get(upstream) as ScriptedOrigin;
    let text = "";
    for (const connection of origin.connections) {
      text += connection.received.slice(this.#taken.get(connection) ?? 0);
      this.#taken.set(connection, connection.received.length);
    }
    return text;
  }

  /** A TLS connection for a server name, with its handshake done. */
  async connectTls(serverName: string, protocol: "http/1.1" | "h2"): Promise<TLSSocket> {
    const socket = tls.connect({
      port: this.httpsPort,
      host: "127.0.0.1",
      servername: serverName,
      ALPNProtocols: [protocol],
      rejectUnauthorized: false,
    });
    await once(socket, "secureConnect");
    return socket;
  }
}

function ingressYaml(routes: readonly SiteRoute[], secureHosts: readonly string[]): string {
  const rules = routes.map(
    ({ host, path, upstream }) => `    - host: ${host}
      http:
        paths:
          - { path: ${path}, pathType: Prefix, backend: { service: { name: ${upstream}, port: { number: 80 } } } }
`,
  );
  const secrets = secureHosts.map((host) => `    - { hosts: [${host}], secretName: ${secretName(host)} }\n`);
  return `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: site }
spec:
${secrets.length === 0 ? "" : `  tls:\n${secrets.join("")}`}  rules:
${rules.join("")}`;
}

function serviceYaml(name: string, port: number): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ port: ${port} }]
endpoints: [{ addresses: [127.0.0.1] }]
`;
}

function secretName(host: string): string {
  return host.replaceAll(".", "-");
}

function secretYaml(host: string): string {
  const { chainPem, keyPem } = createTestCertificate({ dnsNames: [host] });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return `apiVersion: v1
kind: Secret
metadata: { name: ${secretName(host)} }
type: kubernetes.io/tls
data: { tls.crt: ${base64(chainPem)}, tls.key: ${base64(keyPem)} }
`;
}
