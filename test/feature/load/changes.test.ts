// Routes, endpoints and certificates change twenty times a second while requests are in flight: none may notice.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createTestCertificate } from "../../support/certificates.ts";
import { LoadClients } from "../../support/load-clients.ts";
import { createFolder } from "../../support/penstock-process.ts";
import { localFlags, RunningProxy, startUpstream } from "../../support/running-proxy.ts";

const CONNECTIONS = 2_000;
const TLS_CONNECTIONS = 200;
/** Connections that shake hands anew for every request. */
const TLS_HANDSHAKES = 10;
const CHANGES = 100;
const CHANGE_INTERVAL_MS = 50;
/** How long upstreams hold a request: together with the connections this keeps 2,000 in flight. */
const HOLD_MS = 800;
const HOST = "load.example";

/** What the host's changing path leads to. */
const EXTRA_BODY = "extra";

async function startHoldingUpstream(context: TestContext): Promise<number> {
  const server: Server = createServer((_request, response) => {
    setTimeout(() => response.end("held"), HOLD_MS);
  });
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function endpointsYaml(service: string, ports: readonly number[]): string {
  // One slice a port: a slice has one port for all its endpoints.
  return ports
    .map(
      (port) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${service}-${port}, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1] }]
`,
    )
    .join("");
}

/** The host under load itself changes: it gets another path, loses the one of before, and its timeouts change. */
function routesYaml(turn: number): string {
  const backend = "backend: { service: { name: load, port: { number: 80 } } }";
  const others = Array.from(
    { length: turn % 5 },
    (_, i) => `  - host: other-${turn}-${i}.example
    http: { paths: [{ path: /, pathType: Prefix, ${backend} }] }
`,
  ).join("");
  return `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: load, annotations: { penstock.dev/response-timeout: ${30 + turn}s } }
spec:
  tls: [{ hosts: [${HOST}], secretName: load }]
  rules:
  - host: ${HOST}
    http:
      paths:
      - { path: /, pathType: Prefix, ${backend} }
      - { path: /extra-${turn}, pathType: Exact, backend: { service: { name: extra, port: { number: 80 } } } }
${others}`;
}

function serviceYaml(name: string): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { clusterIP: 10.0.0.1, ports: [{ name: http, port: 80 }] }
`;
}

function secretYaml(certificate: { readonly chainPem: string; readonly keyPem: string }): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return `apiVersion: v1
kind: Secret
metadata: { name: load }
type: kubernetes.io/tls
data: { tls.crt: ${base64(certificate.chainPem)}, tls.key: ${base64(certificate.keyPem)} }
`;
}

async function readGeneration(proxy: RunningProxy): Promise<number> {
  const page = JSON.parse((await proxy.admin("/config/generation")).body) as { readonly generation: number };
  return page.generation;
}

/** Asks as often as a change may take to get live on a busy machine; returns the last answer's body. */
async function askUntil(proxy: RunningProxy, path: string, body: string): Promise<string> {
  let last = "";
  for (let tries = 0; tries < 1_000 && last !== body; tries++) last = (await proxy.get(HOST, path)).body;
  return last;
}

test("no request fails over changes of routes, endpoints and certificates", async (context) => {
  const ports = await Promise.all(Array.from({ length: 4 }, () => startHoldingUpstream(context)));
  const extraPort = await startUpstream(context, (_request, response) => void response.end(EXTRA_BODY));
  const certificates = [createTestCertificate({ dnsNames: [HOST] }), createTestCertificate({ dnsNames: [HOST] })];
  const folder = await createFolder(context, {
    "services.yaml": serviceYaml("load") + serviceYaml("extra") + endpointsYaml("extra", [extraPort]),
    "endpoints.yaml": endpointsYaml("load", ports),
    "routes.yaml": routesYaml(0),
    "secret.yaml": secretYaml(certificates[0]!),
  });
  const proxy = await RunningProxy.start(
    context,
    ["serve", "--from", ".", ...localFlags({ https: "127.0.0.1:0", workers: "2", "access-log": "off" })],
    { cwd: folder },
  );
  const httpsPort = Number(/listening for https on [^"]*:(\d+)"/.exec(proxy.process.stderr)?.[1]);
  const plain = new LoadClients({ port: proxy.httpPort, connections: CONNECTIONS, host: HOST });
  const secure = new LoadClients({ port: httpsPort, connections: TLS_CONNECTIONS, host: HOST, tls: "keep-alive" });
  const handshakes = new LoadClients({ port: httpsPort, connections: TLS_HANDSHAKES, host: HOST, tls: "handshakes" });
  await plain.until(({ inFlight, completed }) => inFlight >= CONNECTIONS && completed > 0);
  await secure.until(({ inFlight }) => inFlight >= TLS_CONNECTIONS);
  const firstGeneration = await readGeneration(proxy);

  let lastRoutes = 0;
  for (let turn = 1; turn <= CHANGES; turn++) {
    const due = performance.now() + CHANGE_INTERVAL_MS;
    const kind = turn % 3;
    if (kind === 2) lastRoutes = turn;
    const [name, content] =
      kind === 0
        ? ["secret.yaml", secretYaml(certificates[(turn / 3) % 2]!)]
        : kind === 1
          ? ["endpoints.yaml", endpointsYaml("load", ports.slice(turn % 4 === 0 ? 1 : 0, 2 + (turn % 2)))]
          : ["routes.yaml", routesYaml(turn)];
    // As editors do: never half a file.
    await writeFile(join(folder, `.${name}`), content);
    await rename(join(folder, `.${name}`), join(folder, name));
    // The rate of changes is part of the load.
    await new Promise((resolve) => setTimeout(resolve, Math.max(due - performance.now(), 0)));
  }
  const during = plain.completed;
  await plain.until((clients) => clients.completed >= during + CONNECTIONS);
  assert.equal(await askUntil(proxy, `/extra-${lastRoutes}`, EXTRA_BODY), EXTRA_BODY, "the last change is live");
  const oldPath = `/extra-${lastRoutes - 3}`;
  assert.equal(await askUntil(proxy, oldPath, "held"), "held", "a path that was taken away is the host's / again");
  await Promise.all([plain.stop(), secure.stop(), handshakes.stop()]);

  const generations = (await readGeneration(proxy)) - firstGeneration;
  context.diagnostic(
    `${plain.completed} plain requests, ${secure.completed} and ${handshakes.completed} over TLS, ` +
      `${generations} generations for ${CHANGES} changes`,
  );
  assert.equal(plain.failures, "");
  assert.equal(secure.failures, "");
  assert.equal(handshakes.failures, "");
  assert.ok(plain.completed >= CONNECTIONS * 2);
  assert.ok(secure.completed >= TLS_CONNECTIONS * 2);
  assert.ok(generations >= CHANGES / 4, `${generations} generations went live`);
  assert.equal(handshakes.fingerprints.size, 2, "both certificates were served");
});
