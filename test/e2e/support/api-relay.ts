// A relay between one release and the API server that a test can cut, on any cluster: the release is told that the API server
// is the relay, while everybody else, the tests included, goes on to change the world.
import { kubectl } from "./kubectl.ts";
import type { TestNamespace } from "./namespace.ts";
import type { ChartValues } from "./release.ts";
import { isReady } from "./disruption.ts";
import { SETTINGS } from "./settings.ts";

/**
 * `open` passes everything on. `refused`: what is open is reset, new connections are refused, as by a server that is gone.
 * `silent`: everything stays open, is accepted and is never answered, as through a network that drops packets; what waits
 * meanwhile goes on with `open`.
 */
export type RelayMode = "open" | "refused" | "silent";

/** A name that the API server's certificate has in every cluster. */
const API_SERVER_NAME = "kubernetes.default.svc";
const NAME = "api-relay";
const RELAY_PORT = 6443;
const CONTROL_PORT = 6444;

/** Run by the Node of Penstock's image. Knows nothing of TLS: the release verifies the API server itself. */
const SOURCE = `
import http from "node:http";
import net from "node:net";
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
let mode = "open";
const sockets = new Set();
const track = (socket) => {
  sockets.add(socket);
  socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
};
const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
  const far = net.connect({ host, port, allowHalfOpen: true });
  for (const [socket, other] of [[near, far], [far, near]]) {
    track(socket);
    socket.on("data", (chunk) => other.write(chunk));
    socket.on("end", () => other.end());
    socket.on("close", () => other.destroy());
    if (mode === "silent") socket.pause();
    else socket.resume();
  }
});
const changes = {
  async open() {
    if (!server.listening) await new Promise((resolve) => server.listen(${RELAY_PORT}, resolve));
    for (const socket of sockets) socket.resume();
  },
  refused() {
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
  },
  silent() {
    for (const socket of sockets) socket.pause();
  },
};
await changes.open();
http.createServer(async (request, response) => {
  const wanted = request.url.slice(1);
  if (wanted !== mode) {
    mode = wanted;
    await changes[wanted]();
  }
  response.end(mode);
}).listen(${CONTROL_PORT}, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
`;

export class ApiRelay {
  readonly #namespace: TestNamespace;
  /** Of a release that shall reach the API server by this relay alone. */
  readonly values: ChartValues;

  private constructor(namespace: TestNamespace, clusterIp: string) {
    this.#namespace = namespace;
    this.values = {
      hostAliases: [{ ip: clusterIp, hostnames: [API_SERVER_NAME] }],
      extraEnv: [
        { name: "KUBERNETES_SERVICE_HOST", value: API_SERVER_NAME },
        { name: "KUBERNETES_SERVICE_PORT", value: "443" },
      ],
    };
  }

  /** In the test's namespace, and open. */
  static async start(namespace: TestNamespace): Promise<ApiRelay> {
    const labels = { app: NAME };
    const [service] = await namespace.apply(
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: NAME },
        spec: { selector: labels, ports: [{ port: 443, targetPort: RELAY_PORT }] },
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: NAME, labels },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: NAME,
              image: SETTINGS.image,
              command: ["/usr/local/bin/node", "--input-type=module", "--eval", SOURCE],
              // It must not be seen while it refuses: a Service without endpoints would answer in its place.
              startupProbe: { tcpSocket: { port: RELAY_PORT }, periodSeconds: 1, failureThreshold: 60 },
            },
          ],
        },
      },
    );
    await namespace.waitFor("Pod", NAME, isReady, { what: "the relay to be ready" });
    const { clusterIP = "" } = (service?.["spec"] ?? {}) as { readonly clusterIP?: string };
    return new ApiRelay(namespace, clusterIP);
  }

  /** Resolves when it is so. */
  async become(mode: RelayMode): Promise<void> {
    const ask = `fetch("http://127.0.0.1:${CONTROL_PORT}/${mode}").then((answer) => answer.text()).then(console.log)`;
    const pod = ["exec", "--namespace", this.#namespace.name, NAME, "--"];
    const said = await kubectl([...pod, "/usr/local/bin/node", "--eval", ask]);
    if (said.trim() !== mode) throw new Error(`the relay did not become ${mode}: ${said}`);
  }
}
