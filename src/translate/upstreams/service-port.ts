// Finds the port of a Service that a backend names.
import { quoteText } from "../../lib/untrusted-text.ts";
import { problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import type { ServicePortView, ServiceView } from "./service-view.ts";

/** More ports are not listed in a hint. */
const MAX_LISTED_PORTS = 8;

/** By name or number. A Service of type ExternalName may list no ports at all: then every number is one of its ports. */
export function findServicePort(service: ServiceView, wanted: string | number): ServicePortView | Problem {
  const candidates = service.ports.filter((port) => (typeof wanted === "number" ? port.number : port.name) === wanted);
  // One number may stand for TCP and UDP alike, as for DNS.
  const found = candidates.find((port) => port.isTcp);
  // Upstreams are named by number: two TCP ports with one number, which the API server refuses, are the first of them.
  if (found !== undefined) return service.ports.find((port) => port.isTcp && port.number === found.number) ?? found;
  if (candidates.length > 0) return portNotTcp(service, wanted);
  if (service.external !== null && service.ports.length === 0 && typeof wanted === "number") return bareNumber(wanted);
  return portNotFound(service, wanted);
}

function bareNumber(number: number): ServicePortView {
  return { name: "", number, isTcp: true, targetNumber: null, appProtocol: null, field: "spec.ports" };
}

function portNotTcp(service: ServiceView, wanted: string | number): Problem {
  const message = `Port ${showPort(wanted)} of Service ${service.identity.key} is not a TCP port; requests get 503.`;
  return problem("error", "ServicePortNotTcp", message, listPorts(service));
}

function portNotFound(service: ServiceView, wanted: string | number): Problem {
  const message = `Service ${service.identity.key} has no port ${showPort(wanted)}; requests get 503.`;
  const behind = service.ports.find((port) => port.isTcp && port.targetNumber === wanted);
  // The commonest slip: the container's port instead of the Service's.
  const hint =
    behind === undefined
      ? listPorts(service)
      : `${wanted} is the target port of ${behind.number}: write ${behind.number}.`;
  return problem("error", "ServicePortNotFound", message, hint);
}

function listPorts(service: ServiceView): string {
  const ports = service.ports.filter((port) => port.isTcp);
  if (ports.length === 0) return "The Service has no TCP ports: give it one.";
  const listed = ports
    .slice(0, MAX_LISTED_PORTS)
    .map((port) => (port.name === "" ? String(port.number) : `${port.number} (${quoteText(port.name)})`));
  const rest = ports.length > MAX_LISTED_PORTS ? ` and ${ports.length - MAX_LISTED_PORTS} more` : "";
  return `Its TCP ports are ${listed.join(", ")}${rest}.`;
}

function showPort(port: string | number): string {
  return typeof port === "number" ? String(port) : quoteText(port);
}
