// One Service, read by itself: ports, external name and annotations, checked and normalised.
import { isIP } from "node:net";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { isDnsName } from "../../lib/dns-name.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { Service } from "../../source/object-types.ts";
import { readAnnotations } from "../annotations/read-annotations.ts";
import type { TrafficSettings } from "../traffic-settings.ts";
import { problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import { readAddress } from "../../lib/endpoint-address.ts";
import type { Identified, ObjectIdentity } from "../object-identity.ts";
import { asList, asNonEmptyText, asPort, asRecord, asText } from "../untyped.ts";

export interface ServiceView {
  readonly identity: ObjectIdentity;
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

const views = new WeakMap<object, ServiceView>();

export function viewService(service: Identified<Service>): ServiceView {
  let view = views.get(service.object);
  if (view === undefined) {
    view = readService(service.object, service);
    views.set(service.object, view);
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

function readService(service: Service, identity: ObjectIdentity): ServiceView {
  const diagnostics: Diagnostic[] = [];
  const spec = asRecord(service.spec);
  const settings = readAnnotations(service.metadata, identity.reference, diagnostics);
  const external = spec["type"] === "ExternalName" ? readExternalName(asText(spec["externalName"]) ?? "") : null;
  const ports = readPorts(asList(spec["ports"]));
  return { identity, ports, external, settings, portSettings: NO_PORT_SETTINGS, diagnostics };
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
 * Any name is allowed, `localhost` too: whoever may write Services in a cluster may also point a name of their own at
 * any address, so refusing some names would only look like protection. What listens on the proxy's own loopback
 * interface must not rely on being unreachable (CVE-2021-25740 is the general case).
 */
function readExternalName(text: string): ExternalTarget {
  const address = readAddress(text);
  if (address !== null) return { kind: "address", address };
  const host = text.length > 255 ? text : text.toLowerCase().replace(/\.$/, "");
  if (isDnsName(host) && isIP(host) === 0) return { kind: "dns", host };
  const fault = isIP(text) === 0 ? "is not a DNS name" : "is an address that no endpoint can have";
  const message = `The Service's externalName ${quoteText(text)} ${fault}; requests get 503.`;
  const hint = "Write a name such as api.example.com.";
  return { kind: "invalid", problem: problem("error", "ExternalNameInvalid", message, hint) };
}
