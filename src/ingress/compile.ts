// Turns a snapshot into the structures that requests are looked up in, beside the ones that serve, and without touching
// them. Throws where the snapshot contradicts itself: the worker then refuses it and serves on with what it has.
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { SlicedWork } from "../lib/sliced-work.ts";
import { finishNow, SliceMeter } from "../lib/sliced-work.ts";
import { compileHosts } from "./compile-hosts.ts";
import type { UpstreamEnvironment, UpstreamsById } from "./compile-upstreams.ts";
import { compileUpstreams } from "./compile-upstreams.ts";
import type { CompiledVirtualHost } from "./compiled-virtual-host.ts";
import type { HostTable } from "./host-table.ts";
import type { IdentityOptions, IdentityTable } from "./identity-table.ts";
import { compileIdentities } from "./identity-table.ts";

/** Everything that a request is served from; a request keeps the one that it began with. */
export interface CompiledSnapshot {
  readonly hosts: HostTable<CompiledVirtualHost>;
  readonly upstreams: UpstreamsById;
  readonly identities: IdentityTable;
}

/** What a worker has for all its snapshots. */
export interface CompileEnvironment extends UpstreamEnvironment {
  readonly identities: IdentityOptions;
}

/**
 * Compiles in slices, between which requests may be served.
 * @param previous the snapshot that serves now, until this work is done: what did not change is taken over, with its state.
 * @throws Error that names the contradiction, for example an upstream that a route uses and nobody defines.
 */
export function* compileInSlices(
  snapshot: Snapshot,
  previous: CompiledSnapshot | null,
  environment: CompileEnvironment,
  meter: SliceMeter,
): SlicedWork<CompiledSnapshot> {
  const former = previous ?? NOTHING;
  const upstreams = yield* compileUpstreams(snapshot, former.upstreams, environment, meter);
  const { virtualHosts, tlsHosts } = snapshot.routeTable;
  const hosts = yield* compileHosts(
    { virtualHosts, upstreams, randomTurn: environment.randomTurn },
    former.hosts,
    meter,
  );
  const { certificates, defaultCertificate } = snapshot;
  const source = { tlsHosts, certificates, defaultCertificate };
  const identities = yield* compileIdentities(source, environment.identities, former.identities, meter);
  return { hosts, upstreams, identities };
}

const NOTHING = { upstreams: null, hosts: null, identities: null };

/** As `compileInSlices`, in one go. */
export function compileSnapshot(
  snapshot: Snapshot,
  previous: CompiledSnapshot | null,
  environment: CompileEnvironment,
): CompiledSnapshot {
  return finishNow(compileInSlices(snapshot, previous, environment, new SliceMeter(Infinity)));
}

/** Replaces the endpoints of the named upstreams only; those that are not in the snapshot are passed over. */
export function applyEndpoints(compiled: CompiledSnapshot, changed: Iterable<EndpointSet>): void {
  for (const { upstream, endpoints } of changed) compiled.upstreams.get(upstream)?.replaceEndpoints(endpoints);
}
