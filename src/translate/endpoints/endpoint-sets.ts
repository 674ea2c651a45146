// The endpoints of each upstream, from EndpointSlices and from Services that name an address. Used by the full
// translation and by the fast lane alike, so that both say the same.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { formatName } from "../../ir/names.ts";
import { plainEndpoint, usableEndpoints } from "../../ir/upstream.ts";
import type { Endpoint, EndpointSet } from "../../ir/upstream.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { EndpointSlice } from "../../source/object-types.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import type { Identified } from "../object-identity.ts";
import type { ObjectIndex } from "../object-index.ts";
import type { UpstreamUse } from "../upstreams/backend.ts";
import type { ServicePortView, ServiceView } from "../upstreams/service-view.ts";
import { endpointsAt, serviceOfSlice, viewSlice } from "./endpoint-slices.ts";
import type { SliceView } from "./endpoint-slices.ts";
import { mergeEndpoints } from "./merge-endpoints.ts";

/** By the Service's `namespace/name`. */
export type SlicesByService = ReadonlyMap<string, SliceGroup>;

type SliceGroup = readonly Identified<EndpointSlice>[];

export interface EndpointReading {
  readonly set: EndpointSet;
  /** About the Service and its slices only. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Far beyond what a Service has; keeps a selection in a worker from becoming a burden. */
const MAX_ENDPOINTS = 10_000;

const groupings = new WeakMap<object, SlicesByService>();

/** Done once for each index, which stays the same for as long as no slice changes. */
export function groupSlices(slices: ObjectIndex<EndpointSlice>): SlicesByService {
  let groups = groupings.get(slices);
  if (groups === undefined) {
    groups = Map.groupBy(slices.values(), serviceKeyOf);
    groupings.set(slices, groups);
  }
  return groups;
}

/** The slices of the named Services alone; costs less than all groups where slices change many times a second. */
export function selectSlices(slices: ObjectIndex<EndpointSlice>, services: ReadonlySet<string>): SlicesByService {
  const groups = new Map<string, Identified<EndpointSlice>[]>();
  for (const slice of slices.values()) {
    const key = serviceKeyOf(slice);
    if (!services.has(key)) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [slice]);
    else group.push(slice);
  }
  return groups;
}

const serviceKeys = new WeakMap<object, string>();

/** `namespace/name` of a slice's Service, or `""`. Read once for each object. */
function serviceKeyOf(slice: Identified<EndpointSlice>): string {
  let key = serviceKeys.get(slice.object);
  if (key === undefined) {
    const service = serviceOfSlice(slice.object);
    key = service === null ? "" : formatName(service);
    serviceKeys.set(slice.object, key);
  }
  return key;
}

interface Remembered {
  readonly slices: SliceGroup;
  readonly reading: EndpointReading;
}

const remembered = new WeakMap<UpstreamUse, Remembered>();

/** Not for upstreams whose name is to be resolved. The set stays the same object while the slices do. */
export function readEndpointSet(use: UpstreamUse, slices: SliceGroup): EndpointReading {
  const known = remembered.get(use);
  if (known !== undefined && isSameGroup(known.slices, slices)) return known.reading;
  const { endpoints, diagnostics } = readEndpoints(use.service, use.port, slices);
  const reading: EndpointReading = { set: { upstream: use.upstream.id, endpoints }, diagnostics };
  remembered.set(use, { slices, reading });
  return reading;
}

function isSameGroup(left: SliceGroup, right: SliceGroup): boolean {
  return left === right || (left.length === right.length && left.every((slice, index) => slice === right[index]));
}

function readEndpoints(
  service: ServiceView,
  port: ServicePortView,
  slices: SliceGroup,
): { endpoints: readonly Endpoint[]; diagnostics: readonly Diagnostic[] } {
  if (service.external?.kind === "address") {
    return { endpoints: [plainEndpoint(service.external.address, port.number)], diagnostics: [] };
  }
  const views = slices.map((slice) => viewSlice(slice, service.loopback));
  const parts: (readonly Endpoint[])[] = [];
  for (const view of views) {
    const number = view.ports.get(port.name);
    if (number !== undefined) parts.push(endpointsAt(view, number ?? port.targetNumber ?? port.number));
  }
  const merged = parts.length === 1 ? (parts[0] as readonly Endpoint[]) : mergeEndpoints(parts.flat());
  const endpoints = merged.length > MAX_ENDPOINTS ? merged.slice(0, MAX_ENDPOINTS) : merged;
  const diagnostics = views.flatMap((view) => view.diagnostics);
  const fault =
    merged.length > MAX_ENDPOINTS ? tooMany(merged.length) : judgeEndpoints(port, views, parts.length, endpoints);
  if (fault !== null) diagnostics.push(diagnose({ object: service.identity.reference, field: port.field }, fault));
  return { endpoints, diagnostics };
}

export function isSameEndpointSet(left: EndpointSet, right: EndpointSet): boolean {
  return left.endpoints === right.endpoints || JSON.stringify(left) === JSON.stringify(right);
}

function judgeEndpoints(
  port: ServicePortView,
  views: readonly SliceView[],
  matchingCount: number,
  endpoints: readonly Endpoint[],
): Problem | null {
  if (usableEndpoints(endpoints).length > 0) return null;
  const where = `Port ${port.number}`;
  if (views.length === 0) {
    const message = `${where} has no endpoints, since no EndpointSlice belongs to the Service; requests get 503.`;
    const hint =
      "A cluster makes EndpointSlices by itself; beside files, add one with the label kubernetes.io/service-name.";
    return problem("warning", "EndpointSliceMissing", message, hint);
  }
  if (views.every((view) => view.endpoints.length === 0)) {
    const message = `${where} has no endpoints: no pod matches the selector of the Service, or none has started; requests get 503.`;
    const hint = "Compare spec.selector of the Service with the labels of the pods.";
    return problem("warning", "NoReadyEndpoints", message, hint);
  }
  if (matchingCount === 0) {
    const wanted = port.name === "" ? "an unnamed port" : `a port named ${quoteText(port.name)}`;
    const message = `${where} has no endpoints, since no EndpointSlice of the Service has ${wanted}; requests get 503.`;
    return problem("warning", "EndpointPortNotFound", message, listPortNames(views));
  }
  const message = `${where} has no usable endpoint (${endpoints.length} known, none ready); requests get 503.`;
  return problem("warning", "NoReadyEndpoints", message, "See why the pods are missing or not ready.");
}

function listPortNames(views: readonly SliceView[]): string {
  const names = Array.from(new Set(views.flatMap((view) => Array.from(view.ports.keys())))).toSorted(compareStrings);
  if (names.length === 0) return "Give the EndpointSlice a TCP port with the name of the Service's port.";
  const shown = names.slice(0, 5).map((name) => (name === "" ? "an unnamed one" : quoteText(name)));
  return `Ports match by name; the EndpointSlices have ${shown.join(", ")}.`;
}

function tooMany(count: number): Problem {
  const message = `The Service has ${count} endpoints at this port; the first ${MAX_ENDPOINTS} are served.`;
  return problem("warning", "TooManyEndpoints", message, "Split the Service.");
}
