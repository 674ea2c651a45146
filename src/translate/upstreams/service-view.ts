// One Service, read by itself: ports, external name and annotations, checked and normalised.
import { isIP } from "node:net";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { isDnsName } from "../../lib/dns-name.ts";
import { readAddress, readNumericName } from "../../lib/endpoint-address.ts";
import type { LoopbackRule } from "../../lib/endpoint-address.ts";
import { isLocalhostName } from "../../lib/localhost-name.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { Service } from "../../source/object-types.ts";
import { readAnnotations } from "../annotations/read-annotations.ts";
import type { TrafficSettings } from "../traffic-settings.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import type { Identified, ObjectIdentity } from "../object-identity.ts";
import { asList, asNonEmptyText, asPort, asRecord, asText } from "../untyped.ts";

export interface ServiceView {
  readonly identity: ObjectIdentity;
  /** The rule that it was read under; its EndpointSlices are read under the same. */
  readonly loopback: LoopbackRule;
  readonly ports: readonly ServicePortView[];
  /** Null for every type but ExternalName. */
  readonly external: ExternalTarget | null;
  /** Of the whole Service. */
  readonly settings: TrafficSettings;
  /** Of its ports, by name, where something else holds than for the whole Service. */
  readonly portSettings: ReadonlyMap<string, TrafficSettings>;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ServicePortView {
  /** `""` for an unnamed port. */
  readonly name: string;
  readonly number: number;
  readonly isTcp: boolean;
  /** Null where it is a name or missing. */
  readonly targetNumber: number | null;
  readonly appProtocol: string | null;
  readonly field: string;
}

/** Where a Service of type ExternalName leads: a name to resolve, or an address that somebody wrote as a name. */
export type ExternalTarget =
  | { readonly kind: "dns"; readonly host: string }
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "invalid"; readonly problem: Problem };

const NO_PORT_SETTINGS: ReadonlyMap<string, TrafficSettings> = new Map();

/** Apart, so that what one rule allows is never what another one answers. */
const views: Readonly<Record<LoopbackRule, WeakMap<object, ServiceView>>> = {
  "serve-loopback": new WeakMap(),
  "refuse-loopback": new WeakMap(),
};

export function viewService(service: Identified<Service>, loopback: LoopbackRule): ServiceView {
  let view = views[loopback].get(service.object);
  if (view === undefined) {
    view = readService(service.object, service, loopback);
    views[loopback].set(service.object, view);
  }
  return view;
}

/** What holds for one port. */
export function settingsOfPort(service: ServiceView, port: ServicePortView): TrafficSettings {
  return service.portSettings.get(port.name) ?? service.settings;
}

/** True where anything said of the Service names a Secret, so that more than the Service decides about its upstreams. */
export function namesCaSecret({ settings, portSettings }: ServiceView): boolean {
  if (settings.tlsCaSecret !== null) return true;
  for (const { tlsCaSecret } of portSettings.values()) if (tlsCaSecret !== null) return true;
  return false;
}

function readService(service: Service, identity: ObjectIdentity, loopback: LoopbackRule): ServiceView {
  const diagnostics: Diagnostic[] = [];
  const spec = asRecord(service.spec);
  const settings = readAnnotations(service.metadata, identity.reference, diagnostics);
  const externalName = spec["type"] === "ExternalName" ? (asText(spec["externalName"]) ?? "") : null;
  const external = externalName === null ? null : readExternalName(externalName, loopback);
  if (externalName !== null && isOnlyServedFromFiles(externalName, external)) {
    const fault = mentionLoopback(externalName);
    diagnostics.push(diagnose({ object: identity.reference, field: "spec.externalName" }, fault));
  }
  const ports = readPorts(asList(spec["ports"]));
  return { identity, loopback, ports, external, settings, portSettings: NO_PORT_SETTINGS, diagnostics };
}

function readPorts(ports: readonly unknown[]): readonly ServicePortView[] {
  const read: ServicePortView[] = [];
  for (const [index, value] of ports.entries()) {
    const port = asRecord(value);
    const number = asPort(port["port"]);
    if (number === null) continue;
    read.push({
      name: asText(port["name"]) ?? "",
      number,
      isTcp: (asNonEmptyText(port["protocol"]) ?? "TCP") === "TCP",
      targetNumber: asPort(port["targetPort"]),
      appProtocol: asNonEmptyText(port["appProtocol"]),
      field: `spec.ports[${index}]`,
    });
  }
  return read;
}

/**
 * Names that resolve to addresses of the proxy's own machine are refused when they are resolved, and these, which say it
 * themselves, here, where the Ingress can be told. Otherwise whoever may write a Service could publish what listens on
 * loopback, the admin endpoints among it (CVE-2021-25740 is the general case).
 */
function readExternalName(text: string, loopback: LoopbackRule): ExternalTarget {
  const { address, fault } = readAddress(text, loopback);
  if (address !== null) return { kind: "address", address };
  if (isIP(text) !== 0) return invalid(text, `is ${fault}, which no endpoint can have`);
  const host = text.length > 255 ? text : text.toLowerCase().replace(/\.$/, "");
  if (!isDnsName(host) || isIP(host) !== 0) return invalid(text, "is not a DNS name");
  if (loopback === "refuse-loopback" && isLocalhostName(host)) {
    return invalid(text, "is a name of the proxy's own machine, which no endpoint in a cluster can have");
  }
  const numeric = readNumericName(host);
  const reading = numeric === null ? null : readAddress(numeric, loopback);
  if (reading === null || reading.fault === null) return { kind: "dns", host };
  return invalid(text, `stands for ${numeric}, which is ${reading.fault} that no endpoint can have`);
}

function invalid(text: string, fault: string): ExternalTarget {
  const message = `The Service's externalName ${quoteText(text)} ${fault}; requests get 503.`;
  const hint = "Write a name such as api.example.com.";
  return { kind: "invalid", problem: problem("error", "ExternalNameInvalid", message, hint) };
}

function isOnlyServedFromFiles(text: string, target: ExternalTarget | null): boolean {
  return target?.kind !== "invalid" && readExternalName(text, "refuse-loopback").kind === "invalid";
}

/** As for EndpointSlices: manifests that work from files are no proof that they work in a cluster. */
function mentionLoopback(text: string): Problem {
  const message = `A controller in a cluster does not connect to ${quoteText(text)}, as it is the proxy's own machine.`;
  return problem("info", "LoopbackExternalName", message, "From files it is served all the same.");
}
