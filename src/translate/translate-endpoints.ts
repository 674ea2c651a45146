// The fast lane: new endpoints for the upstreams of a few Services, without a look at routes. It says the same as a full
// translation would, as long as nothing but EndpointSlices changed.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { NamespacedName } from "../ir/names.ts";
import { formatName } from "../ir/names.ts";
import type { EndpointSet, Upstream } from "../ir/upstream.ts";
import type { EndpointSlice, Service, WorldObjects } from "../source/object-types.ts";
import { appendTo, finishDiagnostics } from "./diagnose.ts";
import { serviceOfSlice } from "./endpoint-slices.ts";
import { groupSlices, isSameEndpointSet, readEndpoints } from "./endpoint-sets.ts";
import { identifyObject } from "./object-identity.ts";
import type { ObjectIdentity } from "./object-identity.ts";
import { indexObjects } from "./object-index.ts";
import type { ObjectIndex } from "./object-index.ts";
import type { Reason } from "./reasons.ts";
import type { TranslateResult } from "./result.ts";
import { findServicePort } from "./service-port.ts";
import { viewService } from "./service-view.ts";
import { parseUpstreamId } from "./upstream-id.ts";

export interface EndpointsUpdate {
  /** The sets that differ from the previous ones, sorted by upstream: what workers are sent. */
  readonly changed: readonly EndpointSet[];
  /** The previous result with the new endpoints and what is to say about them. */
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
): EndpointsUpdate {
  const named = new Set(services.map(formatName));
  const diagnostics: Diagnostic[] = [];
  const serviceIndex = indexObjects<Service>(objects.services, "Service", []);
  const sliceIndex = indexObjects<EndpointSlice>(objects.endpointSlices, "EndpointSlice", diagnostics);
  const slices = groupSlices(sliceIndex.values(), named);

  const upstreams = previous.upstreams.filter(({ id }) => named.has(parseUpstreamId(id).serviceKey));
  const fresh = new Map<string, EndpointSet>();
  for (const upstream of upstreams) {
    const set = readUpstream(upstream, serviceIndex, slices, diagnostics);
    if (set !== null) fresh.set(upstream.id, set);
  }
  const changed: EndpointSet[] = [];
  const endpoints = previous.endpoints.map((before) => {
    const after = fresh.get(before.upstream);
    if (after === undefined || isSameEndpointSet(before, after)) return before;
    changed.push(after);
    return after;
  });
  const kept = previous.diagnostics.filter((diagnostic) => !isOutdated(diagnostic, named, sliceIndex));
  return { changed, result: { ...previous, endpoints, diagnostics: finishDiagnostics([...kept, ...diagnostics]) } };
}

function readUpstream(
  upstream: Upstream,
  services: ObjectIndex<Service>,
  slices: ReturnType<typeof groupSlices>,
  diagnostics: Diagnostic[],
): EndpointSet | null {
  if (upstream.dnsName !== null) return null;
  const { serviceKey, port: number } = parseUpstreamId(upstream.id);
  const object = services.get(serviceKey);
  // A Service that went, or lost the port, is no change of endpoints alone.
  if (object === undefined) return null;
  const service = viewService(object, identifyObject(object, "Service") as ObjectIdentity);
  const port = findServicePort(service, number);
  if ("reason" in port || service.external?.kind === "invalid" || service.external?.kind === "dns") return null;
  const reading = readEndpoints(service, port, slices.get(serviceKey) ?? []);
  appendTo(diagnostics, reading.diagnostics);
  return { upstream: upstream.id, endpoints: reading.endpoints };
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
  // Repeated in every run, since all slices are put in order.
  if (reason === "DuplicateObject") return true;
  const slice = slices.get(formatName(object));
  const service = slice === undefined ? null : serviceKeyOf(slice);
  return service === null || named.has(service);
}

function serviceKeyOf(slice: EndpointSlice): string | null {
  const service = serviceOfSlice(slice);
  return service === null ? null : formatName(service);
}
