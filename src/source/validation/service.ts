// What the API server checks in a Service, as far as it bears on where requests go. Facts: core's validation, Kubernetes 1.37.
// Fields that only the cluster's own network reads are known by name and not looked into.
import type { Service, ServicePort } from "../object-types.ts";
import { anyAddressError } from "./address-rules.ts";
import type { Partially } from "./decode.ts";
import { FieldPath } from "./field-path.ts";
import {
  dnsLabelErrors,
  dnsSubdomainErrors,
  portNameErrors,
  portNumberErrors,
  qualifiedNameErrors,
} from "./name-rules.ts";
import { checkLabels, OBJECT_META } from "./object-meta.ts";
import { LOAD_BALANCER } from "./load-balancer.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Shape } from "./shape.ts";
import { INT32, INT_OR_STRING, listOf, objectOf, STRING, STRING_LIST, STRING_MAP } from "./shape.ts";

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const AFFINITIES = ["ClientIP", "None"];

/** The API server bounds a Service by its size only; nothing real comes near this. */
const MAX_PORTS = 1000;

export const SERVICE: Shape = objectOf({
  apiVersion: STRING,
  kind: STRING,
  metadata: OBJECT_META,
  spec: objectOf(
    {
      type: STRING,
      clusterIP: STRING,
      externalName: STRING,
      externalIPs: STRING_LIST,
      selector: STRING_MAP,
      sessionAffinity: STRING,
      ports: listOf(
        objectOf({
          name: STRING,
          port: INT32,
          protocol: STRING,
          targetPort: INT_OR_STRING,
          nodePort: INT32,
          appProtocol: STRING,
        }),
      ),
    },
    [
      "clusterIPs",
      "externalTrafficPolicy",
      "healthCheckNodePort",
      "internalTrafficPolicy",
      "ipFamilies",
      "ipFamilyPolicy",
      "loadBalancerClass",
      "loadBalancerIP",
      "loadBalancerSourceRanges",
      "allocateLoadBalancerNodePorts",
      "publishNotReadyAddresses",
      "sessionAffinityConfig",
      "trafficDistribution",
    ],
  ),
  status: objectOf({ loadBalancer: LOAD_BALANCER }, ["conditions"]),
});

type DecodedSpec = NonNullable<Partially<Service>["spec"]> & {
  readonly selector?: Readonly<Record<string, string>>;
  readonly sessionAffinity?: string;
};
type DecodedPort = Partially<ServicePort> & { readonly nodePort?: number };

export function checkService(service: Partially<Service>, problems: ProblemList): void {
  const path = FieldPath.root.child("spec");
  const spec: DecodedSpec = service.spec ?? {};
  const { type = "ClusterIP", clusterIP = "", sessionAffinity = "None" } = spec;
  const ports: readonly DecodedPort[] = spec.ports ?? [];

  if (!TYPES.includes(type)) problems.notSupported(path.child("type"), type, TYPES);
  if (type === "ExternalName") checkExternalName(spec, path, problems);
  else if (ports.length === 0 && clusterIP !== "None") problems.required(path.child("ports"));
  checkClusterAddress(type, clusterIP, path.child("clusterIP"), problems);
  if (ports.length > MAX_PORTS) problems.tooMany(path.child("ports"), ports.length, MAX_PORTS);
  else checkPorts(ports, type, path.child("ports"), problems);
  checkLabels(spec.selector, path.child("selector"), problems);
  if (!AFFINITIES.includes(sessionAffinity)) {
    problems.notSupported(path.child("sessionAffinity"), sessionAffinity, AFFINITIES);
  }
}

function checkExternalName(spec: DecodedSpec, path: FieldPath, problems: ProblemList): void {
  const { externalName = "", clusterIP = "" } = spec;
  // A dot at the end says that the name is complete.
  const name = externalName.endsWith(".") ? externalName.slice(0, -1) : externalName;
  if (name === "") problems.required(path.child("externalName"));
  else problems.invalidEach(path.child("externalName"), name, dnsSubdomainErrors(name));
  if (clusterIP !== "") problems.forbidden(path.child("clusterIP"), "may not be set for ExternalName services");
}

function checkClusterAddress(type: string, clusterIP: string, path: FieldPath, problems: ProblemList): void {
  if (clusterIP === "" || type === "ExternalName") return;
  if (clusterIP !== "None") {
    const detail = anyAddressError(clusterIP);
    if (detail !== null) problems.invalid(path, clusterIP, { detail });
  } else if (type === "LoadBalancer" || type === "NodePort") {
    problems.invalid(path, clusterIP, { detail: `may not be set to 'None' for ${type} services` });
  }
}

function checkPorts(ports: readonly DecodedPort[], type: string, path: FieldPath, problems: ProblemList): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [position, entry] of ports.entries()) {
    const entryPath = path.index(position);
    const { name = "", port = 0, protocol = "TCP" } = entry;
    if (name !== "") {
      problems.invalidEach(entryPath.child("name"), name, dnsLabelErrors(name));
      if (names.has(name)) problems.duplicate(entryPath.child("name"), name);
      names.add(name);
    } else if (ports.length > 1) {
      problems.required(entryPath.child("name"), "", "Name every port where there are several.");
    }
    checkPort(entry, type, entryPath, problems);
    const number = `${port}/${protocol}`;
    if (numbers.has(number)) problems.duplicate(entryPath, { port, protocol });
    numbers.add(number);
  }
}

function checkPort(entry: DecodedPort, type: string, path: FieldPath, problems: ProblemList): void {
  const { port = 0, protocol = "TCP", targetPort, appProtocol, nodePort = 0 } = entry;
  problems.invalidEach(path.child("port"), port, portNumberErrors(port));
  if (!PROTOCOLS.includes(protocol)) problems.notSupported(path.child("protocol"), protocol, PROTOCOLS);
  if (typeof targetPort === "number" && targetPort !== 0) {
    problems.invalidEach(path.child("targetPort"), targetPort, portNumberErrors(targetPort));
  } else if (typeof targetPort === "string" && targetPort !== "") {
    problems.invalidEach(path.child("targetPort"), targetPort, portNameErrors(targetPort), targetPortHint(targetPort));
  }
  if (appProtocol !== undefined) {
    problems.invalidEach(path.child("appProtocol"), appProtocol, qualifiedNameErrors(appProtocol));
  }
  if (nodePort !== 0 && type === "ClusterIP") {
    problems.forbidden(path.child("nodePort"), "may not be used when `type` is 'ClusterIP'");
  }
}

function targetPortHint(targetPort: string): string {
  return /^[0-9]{1,5}$/.test(targetPort) ? "Leave out the quotes." : "";
}
