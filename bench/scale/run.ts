// How the controller does with a large cluster, on a real API server: start, memory, changes one by one, changes without a
// pause, endpoints. `npm run bench:scale -- --help` says what it needs.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { connectToCluster } from "../../src/source/kubernetes/client/cluster-connection.ts";
import { percentile } from "../proxy/statistics.ts";
import { ClusterWriter, runSteadily } from "./cluster-writer.ts";
import { startController } from "./controller.ts";
import { Probe } from "./probe.ts";
import type { OriginPlace, WorldSize } from "./world.ts";
import {
  CLASS_NAME,
  hostOf,
  ingressPath,
  makeClass,
  makeNamespace,
  namespaceNames,
  rulesOf,
  serviceOf,
  slicePath,
  slicePorts,
  worldObjects,
} from "./world.ts";

const USAGE = `usage: KUBECONFIG=FILE npm run bench:scale -- [options]

Makes its objects in namespaces penstock-scale-0 to -19 of the cluster, starts dist/main.js controller on this machine,
measures, and deletes them again. Needs: npm run build; a cluster for nothing else; pods' addresses need not be reachable.

  --ingresses N      (10000)     --services N (3000)      --certificates N (1000)
  --workers N        (2)         of the controller
  --changes N        (100)       changes one by one, and probes of endpoints
  --rate N           (200)       changes a second without a pause, of Ingresses and then of EndpointSlices
  --seconds N        (60)        for so long
  --keep             leave the objects for the next run
`;

/** Every so many of the changes without a pause is waited for. */
const PROBE_EVERY = 50;
const PROBED_SERVICES = 20;

const { values } = parseArgs({
  options: {
    ingresses: { type: "string", default: "10000" },
    services: { type: "string", default: "3000" },
    certificates: { type: "string", default: "1000" },
    workers: { type: "string", default: "2" },
    changes: { type: "string", default: "100" },
    rate: { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const kubeconfig = process.env["KUBECONFIG"] ?? "";
if (values.help || kubeconfig === "") {
  process.stdout.write(USAGE);
  process.exit(values.help ? 0 : 2);
}

const size: WorldSize = {
  ingresses: Number(values.ingresses),
  services: Number(values.services),
  certificates: Number(values.certificates),
};
const changes = Number(values.changes);
const rate = { perSecond: Number(values.rate), seconds: Number(values.seconds) };

const cluster = await connectToCluster({ kubeconfig, userAgent: "penstock-bench" });
const writer = new ClusterWriter(cluster);
const place = await startOrigins(new URL(cluster.server));
await makeWorld();
const { controller, readyMs } = await startController(kubeconfig, Number(values.workers));
const probe = new Probe(controller.port);
try {
  print("start until ready", `${(readyMs / 1_000).toFixed(2)} s, ${controller.cpuSeconds().toFixed(2)} s of CPU`);
  print("resident after the start", mib(controller.residentMib()));
  await changeOneByOne();
  await changeSteadily();
  await changeEndpoints();
  print("resident at the end", mib(controller.residentMib()));
  print("  at most", mib(controller.peakResidentMib()));
} finally {
  await probe.close();
  await controller.stop();
  if (!values.keep) await removeWorld();
  await cluster.close();
}
process.exit(0);

async function makeWorld(): Promise<void> {
  const startedAt = performance.now();
  await writer.create([makeClass(), ...namespaceNames().map(makeNamespace)]);
  await writer.create(worldObjects(size, place));
  print("objects made", `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
}

async function removeWorld(): Promise<void> {
  for (const name of namespaceNames()) await writer.remove(`/api/v1/namespaces/${name}`);
  await writer.remove(`/apis/networking.k8s.io/v1/ingressclasses/${CLASS_NAME}`);
}

/** Moves an Ingress to another path; from the write's answer to the first request that is served there. */
async function changeIngress(ingress: number, path: string): Promise<number> {
  await writer.patch(ingressPath(ingress), { spec: rulesOf(ingress, path, size) });
  return probe.until(hostOf(ingress), path, (status) => status === 200);
}

async function changeOneByOne(): Promise<void> {
  const delays: number[] = [];
  for (let i = 0; i < changes; i += 1) delays.push(await changeIngress((i * 97) % size.ingresses, `/one-${i}`));
  print(`one change live (${changes})`, spread(delays));
}

async function changeSteadily(): Promise<void> {
  const delays: number[] = [];
  const startedCpu = controller.cpuSeconds();
  const took = await runSteadily(rate, async (i) => {
    const ingress = (i * 31) % size.ingresses;
    const path = `/steady-${i}`;
    if (i % PROBE_EVERY === 0) delays.push(await changeIngress(ingress, path));
    else await writer.patch(ingressPath(ingress), { spec: rulesOf(ingress, path, size) });
  });
  print(
    `${rate.perSecond} Ingress changes a second`,
    `${((rate.perSecond * rate.seconds) / took).toFixed(0)} a second for ${took.toFixed(1)} s`,
  );
  print("  one of them live", spread(delays));
  const lastThird = delays.slice(Math.floor((delays.length * 2) / 3));
  print("  in the last third", spread(lastThird));
  print("  CPU of the controller", `${(((controller.cpuSeconds() - startedCpu) / took) * 100).toFixed(0)} % of a core`);
}

/** Slices change without a pause; some Services move from one origin to the other, and are asked until they have moved. */
async function changeEndpoints(): Promise<void> {
  const delays: number[] = [];
  const startedCpu = controller.cpuSeconds();
  const probed = Array.from({ length: PROBED_SERVICES }, (_, i) => ({ ingress: i, path: `/endpoints-${i}`, at: 0 }));
  for (const { ingress, path } of probed) await changeIngress(ingress, path);
  const taken = new Set(probed.map(({ ingress }) => serviceOf(ingress, size)));
  const others = Array.from({ length: size.services }, (_, i) => i).filter((service) => !taken.has(service));
  const every = Math.max(1, Math.floor((rate.perSecond * rate.seconds) / changes));
  const took = await runSteadily(rate, async (i) => {
    const probedOne = i % every === 0 ? probed[(i / every) % probed.length] : undefined;
    if (probedOne === undefined) {
      const service = others[i % others.length] ?? 0;
      await writer.patch(slicePath(service), slicePorts(place.ports[Math.floor(i / others.length + 1) % 2] ?? 0));
      return;
    }
    probedOne.at = 1 - probedOne.at;
    const port = place.ports[probedOne.at] ?? 0;
    await writer.patch(slicePath(serviceOf(probedOne.ingress, size)), slicePorts(port));
    delays.push(await probe.until(hostOf(probedOne.ingress), probedOne.path, (_, body) => body === String(port)));
  });
  print(
    `${rate.perSecond} slice changes a second`,
    `${((rate.perSecond * rate.seconds) / took).toFixed(0)} a second for ${took.toFixed(1)} s`,
  );
  print(`  one of them at work (${delays.length})`, spread(delays));
  print("  CPU of the controller", `${(((controller.cpuSeconds() - startedCpu) / took) * 100).toFixed(0)} % of a core`);
}

/** Two servers that answer with their port, on the address from which this machine reaches the cluster: loopback is no endpoint. */
async function startOrigins(server: URL): Promise<OriginPlace> {
  const socket = connect(Number(server.port === "" ? 443 : server.port), server.hostname);
  await once(socket, "connect");
  const address = socket.localAddress ?? "";
  socket.destroy();
  const [first, second] = [await startOrigin(address), await startOrigin(address)];
  return { address, ports: [first, second] };
}

async function startOrigin(address: string): Promise<number> {
  const origin = createServer((request, response) => {
    request.resume();
    response.end(String(request.socket.localPort));
  });
  origin.keepAliveTimeout = 600_000;
  origin.listen(0, address);
  await once(origin, "listening");
  return (origin.address() as AddressInfo).port;
}

function spread(delays: readonly number[]): string {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (fraction: number): string => percentile(sorted, fraction).toFixed(0);
  return `p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, worst ${at(1)} ms`;
}

function mib(mebibytes: number): string {
  return `${mebibytes.toFixed(0)} MiB`;
}

function print(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(34)} ${figure}\n`);
}
