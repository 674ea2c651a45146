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
import { localFlags, RunningProxy } from "../../support/running-proxy.ts";

const CONNECTIONS = 2_000;
const CHANGES = 100;
const CHANGE_INTERVAL_MS = 50;
/** How long upstreams hold a request: together with the connections this keeps 2,000 in flight. */
const HOLD_MS = 800;
const HOST = "load.example";

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

function endpointsYaml(ports: readonly number[]): string {
  // One slice a port: a slice has one port for all its endpoints.
  return ports
    .map(
      (port) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: load-${port}, labels: { kubernetes.io/service-name: load } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1] }]
`,
    )
    .join("");
}

function routesYaml(turn: number): string {
  const others = Array.from(
    { length: turn % 5 },
    (_, i) => `  - host: other-${turn}-${i}.example
    http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: load, port: { number: 80 } } } }] }
`,
  ).join("");
  return `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: load }
spec:
  tls: [{ hosts: [${HOST}], secretName: load }]
  rules:
  - host: ${HOST}
    http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: load, port: { number: 80 } } } }] }
${others}`;
}

const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: load }
spec: { clusterIP: 10.0.0.1, ports: [{ name: http, port: 80 }] }
`;

function secretYaml(certificate: { readonly chainPem: string; readonly keyPem: string }): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return `apiVersion: v1
kind: Secret
metadata: { name: load }
type: kubernetes.io/tls
data: { tls.crt: ${base64(certificate.chainPem)}, tls.key: ${base64(certificate.keyPem)} }
`;
}

test("no request fails over changes of routes, endpoints and certificates", async (context) => {
  const ports = await Promise.all(Array.from({ length: 4 }, () => startHoldingUpstream(context)));
  const certificates = [createTestCertificate({ dnsNames: [HOST] }), createTestCertificate({ dnsNames: [HOST] })];
  const folder = await createFolder(context, {
    "service.yaml": SERVICE,
    "endpoints.yaml": endpointsYaml(ports),
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
  const secure = new LoadClients({ port: httpsPort, connections: 10, host: HOST, tls: true });
  await plain.until((clients) => clients.inFlight >= CONNECTIONS && clients.completed > 0);

  for (let turn = 1; turn <= CHANGES; turn++) {
    const due = performance.now() + CHANGE_INTERVAL_MS;
    const [name, content] =
      turn % 3 === 0
        ? ["secret.yaml", secretYaml(certificates[(turn / 3) % 2]!)]
        : turn % 3 === 1
          ? ["endpoints.yaml", endpointsYaml(ports.slice(turn % 4 === 0 ? 1 : 0, 2 + (turn % 3)))]
          : ["routes.yaml", routesYaml(turn)];
    // As editors do: never half a file.
    await writeFile(join(folder, `.${name}`), content);
    await rename(join(folder, `.${name}`), join(folder, name));
    // The rate of changes is part of the load.
    await new Promise((resolve) => setTimeout(resolve, Math.max(due - performance.now(), 0)));
  }
  const during = plain.completed;
  await plain.until((clients) => clients.completed >= during + CONNECTIONS);
  await Promise.all([plain.stop(), secure.stop()]);

  const generation = JSON.parse((await proxy.admin("/config/generation")).body) as unknown;
  context.diagnostic(
    `${plain.completed} plain and ${secure.completed} TLS requests over ${CHANGES} changes, generation ${JSON.stringify(generation)}`,
  );
  assert.equal(plain.failures, "");
  assert.equal(secure.failures, "");
  assert.ok(plain.completed >= CONNECTIONS * 2);
  assert.equal(secure.fingerprints.size, 2, "both certificates were served");
});
