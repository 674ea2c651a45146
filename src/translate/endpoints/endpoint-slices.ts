// One EndpointSlice, read by itself, and which slices belong to which Service. Knows no upstreams.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { NamespacedName } from "../../ir/names.ts";
import type { Endpoint } from "../../ir/upstream.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { readAddress } from "../../lib/endpoint-address.ts";
import type { AddressFault, LoopbackRule } from "../../lib/endpoint-address.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { EndpointSlice } from "../../source/object-types.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import { identifyObject } from "../object-identity.ts";
import type { Identified, ObjectIdentity } from "../object-identity.ts";
import { asList, asNonEmptyText, asPort, asRecord, asText, isPresent } from "../untyped.ts";
import { mergeEndpoints } from "./merge-endpoints.ts";

const SERVICE_LABEL = "kubernetes.io/service-name";

/** A slice made by hand may be wrong everywhere; the first places are enough to say so. */
const MAX_ADDRESS_DIAGNOSTICS = 10;

export interface SliceView {
  readonly identity: ObjectIdentity;
  /** By name, `""` for the unnamed one; null: the Service's own target port. TCP only. */
  readonly ports: ReadonlyMap<string, number | null>;
  /** Port 0: to be filled in. */
  readonly endpoints: readonly Endpoint[];
  readonly diagnostics: readonly Diagnostic[];
  /** What `endpointsAt` has made so far, by port number. */
  readonly byPort: Map<number, readonly Endpoint[]>;
}

/** Apart, so that what one rule allows is never what another one answers. */
const views: Readonly<Record<LoopbackRule, WeakMap<object, SliceView>>> = {
  "serve-loopback": new WeakMap(),
  "refuse-loopback": new WeakMap(),
};

/** The Service whose endpoints a slice holds, or null. The fast lane asks this about every slice that changed. */
export function serviceOfSlice(slice: EndpointSlice): NamespacedName | null {
  const identity = identifyObject(slice, "EndpointSlice");
  const name = asNonEmptyText(asRecord(asRecord(slice.metadata)["labels"])[SERVICE_LABEL]);
  return identity === null || name === null ? null : { namespace: identity.reference.namespace, name };
}

export function viewSlice(slice: Identified<EndpointSlice>, loopback: LoopbackRule): SliceView {
  let view = views[loopback].get(slice.object);
  if (view === undefined) {
    view = readSlice(slice.object, slice, loopback);
    views[loopback].set(slice.object, view);
  }
  return view;
}

/** Sorted, no duplicates. */
export function endpointsAt(view: SliceView, port: number): readonly Endpoint[] {
  let endpoints = view.byPort.get(port);
  if (endpoints === undefined) {
    endpoints = mergeEndpoints(view.endpoints.map((endpoint) => ({ ...endpoint, port })));
    view.byPort.set(port, endpoints);
  }
  return endpoints;
}

function readSlice(slice: EndpointSlice, identity: ObjectIdentity, loopback: LoopbackRule): SliceView {
  const diagnostics: Diagnostic[] = [];
  const addressType = asText(slice.addressType) ?? "";
  const isAddressed = addressType === "IPv4" || addressType === "IPv6";
  if (!isAddressed) {
    const message = `Endpoints of the address type ${quoteText(addressType)} are not served.`;
    const hint = "Use IPv4 or IPv6; for a name to resolve, a Service of type ExternalName.";
    const fault = problem("warning", "AddressTypeUnsupported", message, hint);
    diagnostics.push(diagnose({ object: identity.reference, field: "addressType" }, fault));
  }
  const endpoints: Endpoint[] = [];
  for (const [index, value] of asList(isAddressed ? slice.endpoints : []).entries()) {
    const template = readTemplate(value);
    for (const [addressIndex, written] of asList(asRecord(value)["addresses"]).entries()) {
      const text = asText(written) ?? "";
      const { address, fault } = readAddress(text, loopback);
      if (address !== null) {
        endpoints.push({ ...template, address });
      } else if (diagnostics.length < MAX_ADDRESS_DIAGNOSTICS) {
        const field = `endpoints[${index}].addresses[${addressIndex}]`;
        diagnostics.push(diagnose({ object: identity.reference, field }, addressInvalid(text, fault)));
      }
    }
  }
  return { identity, ports: readPorts(asList(slice.ports)), endpoints, diagnostics, byPort: new Map() };
}

function readPorts(ports: readonly unknown[]): ReadonlyMap<string, number | null> {
  const read = new Map<string, number | null>();
  for (const value of ports) {
    const port = asRecord(value);
    const number = asPort(port["port"]);
    const isTcp = (asNonEmptyText(port["protocol"]) ?? "TCP") === "TCP";
    if (!isTcp || (number === null && isPresent(port["port"]))) continue;
    const name = asText(port["name"]) ?? "";
    if (!read.has(name)) read.set(name, number);
  }
  return read;
}

function addressInvalid(text: string, fault: AddressFault): Problem {
  if (fault === "not an IP address") {
    const message = `${quoteText(text)} is not an IP address; it is left out.`;
    return problem("warning", "EndpointAddressInvalid", message, "Write an IPv4 or IPv6 address.");
  }
  const message = `${quoteText(text)} is ${fault}, which no endpoint can have; it is left out.`;
  const hint = "Write an address at which the proxy reaches the endpoint over the network.";
  return problem("warning", "EndpointAddressInvalid", message, hint);
}

/** Conditions that are not said have the defaults of the API: ready, serving as ready, not terminating. */
function readTemplate(value: unknown): Endpoint {
  const endpoint = asRecord(value);
  const conditions = asRecord(endpoint["conditions"]);
  const ready = conditions["ready"] !== false;
  const serving = isPresent(conditions["serving"]) ? conditions["serving"] !== false : ready;
  const zones = asList(asRecord(endpoint["hints"])["forZones"]).map((zone) => asNonEmptyText(asRecord(zone)["name"]));
  return {
    address: "",
    port: 0,
    weight: 1,
    ready,
    serving,
    terminating: conditions["terminating"] === true,
    zone: asNonEmptyText(endpoint["zone"]),
    forZones: Array.from(new Set(zones.filter((zone) => zone !== null))).toSorted(compareStrings),
    node: asNonEmptyText(endpoint["nodeName"]),
  };
}
