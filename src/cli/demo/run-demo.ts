// Runs the demo: its upstreams, its manifests, a proxy in front of them, and the text that explains it.
import { relative } from "node:path";
import type { Options } from "../../config/options.ts";
import type { ListenAddress } from "../../config/values/listen-address.ts";
import { formatListenAddress } from "../../lib/address-text.ts";
import { provideDemoManifests } from "./demo-manifests.ts";
import type { DemoManifests } from "./demo-manifests.ts";
import { startDemoUpstream } from "./demo-upstream.ts";
import type { DemoUpstream } from "./demo-upstream.ts";
import { FileFeed } from "../serving/file-feed.ts";
import { freeAddress } from "./free-address.ts";
import { serveUntilStopped } from "../serving/serve-until-stopped.ts";
import type { ServedAddresses } from "../serving/serve-until-stopped.ts";

/** Services of the quickstart with the ports that its EndpointSlices name. */
const UPSTREAM_PORTS: ReadonlyMap<string, number> = new Map([
  ["web", 18_081],
  ["api", 18_082],
]);

const HOST = "demo.localhost";

/** Serves until a signal comes. Ports that other programs hold are passed over, with a word about it. */
export async function runDemo(options: Options, warnings: readonly string[]): Promise<void> {
  const upstreams: DemoUpstream[] = [];
  let manifests: DemoManifests | null = null;
  try {
    for (const [service, port] of UPSTREAM_PORTS) upstreams.push(await startDemoUpstream(service, port));
    const ports = upstreams.map(({ service, port }) => [UPSTREAM_PORTS.get(service) ?? port, port] as const);
    manifests = await provideDemoManifests(new Map(ports));
    const { folder } = manifests;
    const [http, https] = await Promise.all([freeAddresses(options.http), freeAddresses(options.https)]);
    const admin = options.admin === null ? null : await freeAddress(options.admin);
    const demoOptions: Options = { ...options, from: [folder], http, https, admin };
    await serveUntilStopped({
      options: demoOptions,
      warnings,
      feed: new FileFeed(demoOptions),
      onServing: (addresses) => {
        const moved = [...movedAddresses(options, demoOptions), ...movedUpstreams(upstreams)];
        process.stdout.write(describeDemo({ addresses, folder, moved }));
      },
    });
  } finally {
    await Promise.all(upstreams.map((upstream) => upstream.close()));
    await manifests?.dispose();
  }
}

function freeAddresses(addresses: readonly ListenAddress[]): Promise<readonly ListenAddress[]> {
  return Promise.all(addresses.map(freeAddress));
}

/** A sentence for each listener that had to take another port. */
function movedAddresses(wanted: Options, actual: Options): string[] {
  const pairs: (readonly [flag: string, wanted: ListenAddress, actual: ListenAddress | undefined])[] = [
    ...wanted.http.map((address, i) => ["--http", address, actual.http[i]] as const),
    ...wanted.https.map((address, i) => ["--https", address, actual.https[i]] as const),
  ];
  if (wanted.admin !== null && actual.admin !== null) pairs.push(["--admin", wanted.admin, actual.admin]);
  return pairs.flatMap(([flag, { host, port }, now]) =>
    now?.port === port
      ? []
      : [`${formatListenAddress(host, port)} is in use, so another port was taken; choose one with ${flag} ADDR`],
  );
}

function movedUpstreams(upstreams: readonly DemoUpstream[]): string[] {
  return upstreams.flatMap(({ service, port }) => {
    const wanted = UPSTREAM_PORTS.get(service) ?? port;
    return wanted === port
      ? []
      : [`127.0.0.1:${wanted} is in use, so the upstream ${service} listens on ${port}, and the manifests are a copy`];
  });
}

interface DemoFacts {
  readonly addresses: ServedAddresses;
  readonly folder: string;
  readonly moved: readonly string[];
}

function describeDemo({ addresses, folder, moved }: DemoFacts): string {
  const { http, https, admin } = addresses;
  const [plain] = http;
  const [tls] = https;
  const shownFolder = shortestPath(folder);
  const commands: (readonly [command: string, meaning: string])[] = [];
  if (plain !== undefined) {
    commands.push(
      [`curl http://${HOST}:${plain.port}/`, "the upstream web"],
      [`curl http://${HOST}:${plain.port}/api/users`, "the upstream api"],
      [`curl -H 'Host: other.localhost' http://127.0.0.1:${plain.port}/`, "404: no route"],
    );
  }
  if (tls !== undefined) {
    commands.push(
      [`curl -k https://${HOST}:${tls.port}/`, "the certificate of the Secret demo-tls"],
      [`curl -k --http1.1 https://${HOST}:${tls.port}/api`, "the same over HTTP/1.1"],
    );
  }
  if (admin !== null) commands.push([`curl http://${formatListenAddress(admin.host, admin.port)}/metrics`, "metrics"]);
  commands.push([`penstock explain --from ${shownFolder} "GET http://${HOST}/api"`, "why"]);
  const width = Math.max(...commands.map(([command]) => command.length)) + 2;
  return [
    "",
    "The demo runs: two upstreams, web and api, behind the manifests in",
    `  ${shownFolder}   (change them: they go live without a restart)`,
    ...moved.map((sentence) => `\nNote: ${sentence}.`),
    "",
    "Try:",
    ...commands.map(([command, meaning]) => `  ${command.padEnd(width)}# ${meaning}`),
    "",
    "Ctrl-C ends it.",
    "",
  ].join("\n");
}

/** From here where that is below here, else the whole path. */
function shortestPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === "" || fromHere.startsWith("..") ? path : fromHere;
}
