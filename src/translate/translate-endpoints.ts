// The fast lane: new endpoints for the upstreams of a few Services, without a look at routes. It says the same as a full
// translation would, as long as nothing but EndpointSlices changed.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { NamespacedName } from "../ir/names.ts";
import { formatName } from "../ir/names.ts";
import type { EndpointSet, Upstream } from "../ir/upstream.ts";
import type { EndpointSlice, WorldObjects } from "../source/object-types.ts";
import { appendTo, finishDiagnostics } from "./diagnose.ts";
import { isSameEndpointSet, readEndpointSet, selectSlices } from "./endpoints/endpoint-sets.ts";
import { serviceOfSlice } from "./endpoints/endpoint-slices.ts";
import { indexObjects } from "./object-index.ts";
import type { ObjectIndex } from "./object-index.ts";
import type { Reason } from "./reasons.ts";
import type { TranslateOptions, TranslateResult } from "./result.ts";
import type { UpstreamUse } from "./upstreams/backend.ts";
import { findServicePort } from "./upstreams/service-port.ts";
import { viewService } from "./upstreams/service-view.ts";
import type { ServiceView } from "./upstreams/service-view.ts";
import { parseUpstreamId } from "./upstreams/upstream-id.ts";

export interface EndpointsUpdate {
  /** One for each upstream of the named Services that has endpoints of its own, sorted by upstream. */
  readonly sets: readonly EndpointSet[];
  /** The previous result with these sets and what is to say about them; a set that says nothing new stays the same object. */
  readonly result: TranslateResult;
}

/** What is said about EndpointSlices, and about Services because of them. */
const ENDPOINT_REASONS: ReadonlySet<string> = new Set<Reason>([
  "EndpointSliceMissing",
  "EndpointPortNotFound",
  "NoReadyEndpoints",
  "EndpointAddressInvalid",
  "AddressTypeUnsupported",
  "TooManyEndpoints",
]);

/**
 * Translates the endpoints of the named Services anew. `serviceOfSlice` tells the Service of a slice that changed; name
 * both Services where a slice moved from one to the other. Any other change of the world needs `translate`.
 */
export function translateEndpoints(
  previous: TranslateResult,
  objects: Pick<WorldObjects, "services" | "endpointSlices">,
  services: readonly NamespacedName[],
  { loopback }: Pick<TranslateOptions, "loopback">,
): EndpointsUpdate {
  const named = new Set(services.map(formatName));
  const serviceIndex = indexObjects(objects.services, "Service").index;
  const slices = indexObjects(objects.endpointSlices, "EndpointSlice");
  const slicesByService = selectSlices(slices.index, named);
  const diagnostics = previous.diagnostics.filter((diagnostic) => !isOutdated(diagnostic, named, slices.index));
  appendTo(diagnostics, slices.diagnostics);

  const fresh = new Map<string, EndpointSet>();
  for (const upstream of previous.upstreams) {
    const { serviceKey, port } = placeOf(upstream);
    const object = named.has(serviceKey) ? serviceIndex.get(serviceKey) : undefined;
    const use = object === undefined ? null : findUse(upstream, viewService(object, loopback), port);
    if (use === null) continue;
    const reading = readEndpointSet(use, slicesByService.get(serviceKey) ?? []);
    fresh.set(upstream.id, reading.set);
    appendTo(diagnostics, reading.diagnostics);
  }
  const endpoints = previous.endpoints.map((before) => {
    const after = fresh.get(before.upstream);
    return after === undefined || isSameEndpointSet(before, after) ? before : after;
  });
  const sets = endpoints.filter(({ upstream }) => fresh.has(upstream));
  return { sets, result: { ...previous, endpoints, diagnostics: finishDiagnostics(diagnostics) } };
}

type UpstreamPlace = ReturnType<typeof parseUpstreamId>;

const places = new WeakMap<Upstream, UpstreamPlace>();

/** The id of an upstream read once: this goes over all of them at every change. */
function placeOf(upstream: Upstream): UpstreamPlace {
  let place = places.get(upstream);
  if (place === undefined) {
    place = parseUpstreamId(upstream.id);
    places.set(upstream, place);
  }
  return place;
}

/** Null for an upstream without endpoints of its own, and where the port went: that is no change of endpoints alone. */
function findUse(upstream: Upstream, service: ServiceView, number: number): UpstreamUse | null {
  if (upstream.dnsName !== null) return null;
  const port = findServicePort(service, number);
  return "reason" in port || service.external?.kind === "dns" ? null : { upstream, service, port };
}

/** True for what was said because of the endpoints that are read anew, and of slices that are no longer there. */
function isOutdated(
  { object, reason }: Diagnostic,
  named: ReadonlySet<string>,
  slices: ObjectIndex<EndpointSlice>,
): boolean {
  if (object === null) return false;
  if (object.kind === "Service") return ENDPOINT_REASONS.has(reason) && named.has(formatName(object));
  if (object.kind !== "EndpointSlice") return false;
  // Said in every run, since all slices are indexed.
  if (reason === "DuplicateObject") return true;
  const slice = slices.get(formatName(object));
  const service = slice === undefined ? null : serviceOfSlice(slice.object);
  return service === null || named.has(formatName(service));
}
