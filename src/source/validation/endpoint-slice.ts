// What the API server checks in an EndpointSlice. Facts: discovery's validation, Kubernetes 1.37.
import type { EndpointSlice, SliceEndpoint, SlicePort } from "../object-types.ts";
import type { AddressFamily } from "./address-rules.ts";
import { addressError, isLoopback, specialAddressError } from "./address-rules.ts";
import type { Partially } from "./decode.ts";
import { FieldPath } from "./field-path.ts";
import { dnsLabelErrors, fullyQualifiedNameErrors, portNumberErrors, qualifiedNameErrors } from "./name-rules.ts";
import { OBJECT_META } from "./object-meta.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Shape } from "./shape.ts";
import { BOOLEAN, INT32, listOf, objectOf, STRING, STRING_LIST } from "./shape.ts";

const ADDRESS_TYPES = ["FQDN", "IPv4", "IPv6"];
const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 100;

export const ENDPOINT_SLICE: Shape = objectOf({
  apiVersion: STRING,
  kind: STRING,
  metadata: OBJECT_META,
  addressType: STRING,
  endpoints: listOf(
    objectOf(
      {
        addresses: STRING_LIST,
        conditions: objectOf({ ready: BOOLEAN, serving: BOOLEAN, terminating: BOOLEAN }),
        nodeName: STRING,
        zone: STRING,
        hints: objectOf({ forZones: listOf(objectOf({ name: STRING })) }, ["forNodes"]),
        hostname: STRING,
      },
      ["targetRef", "deprecatedTopology"],
    ),
  ),
  ports: listOf(objectOf({ name: STRING, port: INT32, protocol: STRING, appProtocol: STRING })),
});

type DecodedEndpoint = Partially<SliceEndpoint> & { readonly hostname?: string };

export function checkEndpointSlice(slice: Partially<EndpointSlice>, problems: ProblemList): void {
  const { addressType = "" } = slice;
  const endpoints: readonly DecodedEndpoint[] = slice.endpoints ?? [];
  const ports = slice.ports ?? [];
  const typePath = FieldPath.root.child("addressType");
  if (addressType === "") problems.required(typePath, "", `Write one of ${ADDRESS_TYPES.join(", ")}.`);
  else if (!ADDRESS_TYPES.includes(addressType)) problems.notSupported(typePath, addressType, ADDRESS_TYPES);

  const endpointsPath = FieldPath.root.child("endpoints");
  if (endpoints.length > MAX_ENDPOINTS) {
    problems.tooMany(endpointsPath, endpoints.length, MAX_ENDPOINTS);
  } else {
    for (const [position, endpoint] of endpoints.entries()) {
      checkEndpoint(endpoint, addressType, endpointsPath.index(position), problems);
    }
    mentionLoopback(endpoints, endpointsPath, problems);
  }
  const portsPath = FieldPath.root.child("ports");
  if (ports.length > MAX_PORTS) problems.tooMany(portsPath, ports.length, MAX_PORTS);
  else checkPorts(ports, portsPath, problems);
}

function checkEndpoint(endpoint: DecodedEndpoint, addressType: string, path: FieldPath, problems: ProblemList): void {
  const { addresses = [], hostname, hints } = endpoint;
  const addressesPath = path.child("addresses");
  if (addresses.length === 0) problems.required(addressesPath, "must contain at least 1 address");
  if (addresses.length > MAX_ADDRESSES) {
    problems.tooMany(addressesPath, addresses.length, MAX_ADDRESSES);
  } else {
    for (const [position, address] of addresses.entries()) {
      checkAddress(address, addressType, addressesPath.index(position), problems);
    }
  }
  if (hostname !== undefined) problems.invalidEach(path.child("hostname"), hostname, dnsLabelErrors(hostname));
  for (const [position, zone] of (hints?.forZones ?? []).entries()) {
    const zonePath = path.child("hints").child("forZones").index(position).child("name");
    if ((zone.name ?? "") === "") problems.required(zonePath);
  }
}

function checkAddress(address: string, addressType: string, path: FieldPath, problems: ProblemList): void {
  if (addressType === "FQDN") {
    problems.invalidEach(path, address, fullyQualifiedNameErrors(address));
    return;
  }
  if (addressType !== "IPv4" && addressType !== "IPv6") return;
  const family: AddressFamily = addressType;
  const detail = addressError(address, family) ?? specialAddressError(address);
  if (detail !== null) problems.invalid(path, address, { detail });
}

/** A cluster refuses loopback; without one it is how a file names a program on the same machine. */
function mentionLoopback(endpoints: readonly DecodedEndpoint[], path: FieldPath, problems: ProblemList): void {
  for (const [position, endpoint] of endpoints.entries()) {
    const addresses = endpoint.addresses ?? [];
    const found = addresses.findIndex(isLoopback);
    if (found === -1) continue;
    problems.add({
      severity: "info",
      reason: "LoopbackEndpoint",
      path: path.index(position).child("addresses").index(found),
      message: `the Kubernetes API would refuse ${addresses[found]}: may not be in the loopback range (127.0.0.0/8, ::1/128)`,
      hint: "From files it is served all the same; this note stands for every such slice.",
    });
    return;
  }
}

function checkPorts(ports: readonly Partially<SlicePort>[], path: FieldPath, problems: ProblemList): void {
  const names = new Set<string>();
  for (const [position, entry] of ports.entries()) {
    const entryPath = path.index(position);
    const { port, appProtocol } = entry;
    const name = entry.name ?? "";
    const protocol = entry.protocol ?? "TCP";
    if (name !== "") problems.invalidEach(entryPath.child("name"), name, dnsLabelErrors(name));
    if (names.has(name)) problems.duplicate(entryPath.child("name"), name);
    names.add(name);
    if (!PROTOCOLS.includes(protocol)) problems.notSupported(entryPath.child("protocol"), protocol, PROTOCOLS);
    if (typeof port === "number") problems.invalidEach(entryPath.child("port"), port, portNumberErrors(port));
    if (typeof appProtocol === "string") {
      problems.invalidEach(entryPath.child("appProtocol"), appProtocol, qualifiedNameErrors(appProtocol));
    }
  }
}
