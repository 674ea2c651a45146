// Cuts what is new in a snapshot into parts that a worker reads in a few milliseconds each, however big a virtual host or an
// upstream is. What a part may hold is counted. The other end is ingress/snapshot-assembler.ts.
import type { Certificate } from "../ir/certificate.ts";
import type { Route, VirtualHost } from "../ir/route-table.ts";
import type { EndpointSet, Upstream } from "../ir/upstream.ts";
import type { KeptRun, ListPatch } from "../lib/list-patch.ts";
import type { SnapshotPart, SnapshotPatch, SnapshotPiece } from "./protocol.ts";

/** What a part may hold. One unit is a route, or what takes as long to read: all of them about 2 ms on a core of its own. */
export const UNITS_PER_PART = 500;

/** A name or an address with a few flags. */
const SMALL_UNITS = 0.25;
/** Text is copied, not looked at. */
const CHARACTER_UNITS = 1 / 4_096;

/** At least one part. None holds more than `unitsPerPart`, unless it is a single item. */
export function* splitPatch(patch: SnapshotPatch, unitsPerPart: number): Generator<SnapshotPart> {
  const { defaultCertificate } = patch;
  let pieces: SnapshotPiece[] = [];
  let filled = 0;
  for (const { piece, units } of crumbsOf(patch, unitsPerPart)) {
    if (filled > 0 && filled + units > unitsPerPart) {
      yield { pieces, defaultCertificate };
      pieces = [];
      filled = 0;
    }
    append(pieces, piece);
    filled += units;
  }
  yield { pieces, defaultCertificate };
}

/** Items of one list become one piece. */
function append(pieces: SnapshotPiece[], added: SnapshotPiece): void {
  const last = pieces.at(-1);
  if (last?.list !== added.list || "from" in last.piece || "from" in added.piece) pieces.push(added);
  else (last.piece as object[]).push(...added.piece);
}

/** What is not cut any further: one item, or a run of kept ones. */
interface Crumb {
  readonly piece: SnapshotPiece;
  readonly units: number;
}

function* crumbsOf(patch: SnapshotPatch, unitsPerPart: number): Generator<Crumb> {
  for (const upstream of entriesOf(patch.upstreams)) {
    yield "from" in upstream ? kept("upstreams", upstream) : crumbOfUpstream(upstream);
  }
  for (const set of entriesOf(patch.endpoints)) {
    if ("from" in set) yield kept("endpoints", set);
    else yield* crumbsOfEndpoints(set, unitsPerPart);
  }
  for (const certificate of entriesOf(patch.certificates)) {
    yield "from" in certificate ? kept("certificates", certificate) : crumbOfCertificate(certificate);
  }
  for (const tlsHost of entriesOf(patch.tlsHosts)) {
    if ("from" in tlsHost) yield kept("tlsHosts", tlsHost);
    else yield { piece: { list: "tlsHosts", piece: [tlsHost] }, units: SMALL_UNITS };
  }
  for (const host of entriesOf(patch.virtualHosts)) {
    if ("from" in host) yield kept("virtualHosts", host);
    else yield* crumbsOfHost(host, unitsPerPart);
  }
}

/** Runs as they are, new items one by one. */
function* entriesOf<T>(patch: ListPatch<T>): Generator<KeptRun | T> {
  for (const piece of patch) {
    if ("from" in piece) yield piece;
    else yield* piece;
  }
}

type WholeList = Exclude<SnapshotPiece["list"], "routes" | "addresses">;

function kept(list: WholeList, run: KeptRun): Crumb {
  return { piece: { list, piece: run }, units: SMALL_UNITS };
}

function crumbOfUpstream(upstream: Upstream): Crumb {
  const units = 1 + (upstream.tls?.caPem?.length ?? 0) * CHARACTER_UNITS;
  return { piece: { list: "upstreams", piece: [upstream] }, units };
}

function crumbOfCertificate(certificate: Certificate): Crumb {
  const { chainPem, key, dnsNames } = certificate;
  const units = 1 + (chainPem.length + key.bytes.byteLength) * CHARACTER_UNITS + dnsNames.length * SMALL_UNITS;
  return { piece: { list: "certificates", piece: [certificate] }, units };
}

function* crumbsOfEndpoints(set: EndpointSet, unitsPerPart: number): Generator<Crumb> {
  const { endpoints } = set;
  const units = SMALL_UNITS * (1 + endpoints.length);
  if (units <= unitsPerPart) {
    yield { piece: { list: "endpoints", piece: [set] }, units };
    return;
  }
  yield { piece: { list: "endpoints", piece: [{ ...set, endpoints: [] }] }, units: SMALL_UNITS };
  for (const endpoint of endpoints) yield { piece: { list: "addresses", piece: [endpoint] }, units: SMALL_UNITS };
}

function* crumbsOfHost(host: VirtualHost, unitsPerPart: number): Generator<Crumb> {
  let units = 1;
  for (const route of host.routes) units += unitsOfRoute(route);
  if (units <= unitsPerPart) {
    yield { piece: { list: "virtualHosts", piece: [host] }, units };
    return;
  }
  yield { piece: { list: "virtualHosts", piece: [{ ...host, routes: [] }] }, units: 1 };
  for (const route of host.routes) yield { piece: { list: "routes", piece: [route] }, units: unitsOfRoute(route) };
}

function unitsOfRoute({ path, action }: Route): number {
  const targets = action.kind === "forward" ? action.upstreams.length : 0;
  return 1 + path.value.length * CHARACTER_UNITS + targets * SMALL_UNITS;
}
