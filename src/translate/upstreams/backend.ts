// From a reference to a Service and port to what a route does: forward to an upstream, or answer 503. Knows neither hosts
// and paths nor endpoints.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { RouteAction } from "../../ir/route-table.ts";
import type { DnsName, Upstream } from "../../ir/upstream.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { Secret } from "../../source/object-types.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Place, Problem } from "../diagnose.ts";
import type { Identified } from "../object-identity.ts";
import { mergeSettings } from "../traffic-settings.ts";
import type { TrafficSettings } from "../traffic-settings.ts";
import { readCaSecret } from "../tls/ca-secret.ts";
import type { CaReading } from "../tls/ca-secret.ts";
import { judgeAppProtocol, readAppProtocol } from "./app-protocol.ts";
import type { BackendReference } from "./backend-reference.ts";
import { findServicePort } from "./service-port.ts";
import { namesCaSecret, settingsOfPort } from "./service-view.ts";
import type { ServicePortView, ServiceView } from "./service-view.ts";
import { plainUpstreamId, tlsUpstreamId } from "./upstream-id.ts";

/** The objects that a backend may lead to, by `namespace/name`. */
export interface BackendLookup {
  findService(key: string): ServiceView | undefined;
  findSecret(key: string): Identified<Secret> | undefined;
}

export interface ResolvedBackend {
  readonly action: RouteAction;
  /** Set where the action is to forward. */
  readonly use: UpstreamUse | null;
  /** Null where the Service does not exist. */
  readonly service: ServiceView | null;
  /** Why the action is a 503. */
  readonly fault: BackendFault | null;
  /** About the Service. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface BackendFault {
  /** Below the backend's field. */
  readonly leaf: string;
  readonly problem: Problem;
}

/** An upstream that a route forwards to, with the Service port behind it. */
export interface UpstreamUse {
  readonly upstream: Upstream;
  readonly service: ServiceView;
  readonly port: ServicePortView;
}

/** Shared by every route that has nothing to forward to. */
export const RESPOND_UNAVAILABLE: RouteAction = Object.freeze({ kind: "respond", status: 503 });

/** What depends on nothing but the Service. Bounded by its ports: only what was found is kept, and no free text is a key. */
const plainlyResolved = new WeakMap<ServiceView, Map<string, ResolvedBackend>>();

/** `settings` are those of the Ingress that holds the reference, its policies' included. */
export function resolveBackend(
  namespace: string,
  reference: BackendReference,
  settings: TrafficSettings,
  lookup: BackendLookup,
): ResolvedBackend {
  const service = lookup.findService(`${namespace}/${reference.service}`);
  if (service === undefined) return unavailable(null, ".service.name", serviceNotFound(namespace, reference));
  const isPlain = settings.tlsServerName === null && settings.tlsCaSecret === null && !namesCaSecret(service);
  if (!isPlain) return resolvePort(service, reference.port, settings, lookup);

  let known = plainlyResolved.get(service);
  if (known === undefined) {
    known = new Map<string, ResolvedBackend>();
    plainlyResolved.set(service, known);
  }
  // Quotes tell a name of digits from a number.
  const key = `${JSON.stringify(reference.port)} ${settings.backendProtocol}`;
  let resolved = known.get(key);
  if (resolved === undefined) {
    resolved = resolvePort(service, reference.port, settings, lookup);
    if (resolved.fault === null) known.set(key, resolved);
  }
  return resolved;
}

/** On whatever asks for TLS settings of connections that have no TLS. */
export function tlsWithoutHttps(place: Place): Diagnostic {
  const why = "the upstream is spoken to in plain HTTP.";
  if (place.object?.kind === "UpstreamPolicy") {
    const message = `The settings of TLS have no effect: ${why}`;
    return diagnose(place, problem("warning", "PolicyWithoutEffect", message, "Write spec.protocol: https."));
  }
  const message = `The backend-tls annotations have no effect: ${why}`;
  const hint = 'Set penstock.dev/backend-protocol: "https".';
  return diagnose(place, problem("warning", "AnnotationWithoutEffect", message, hint));
}

function resolvePort(
  service: ServiceView,
  wanted: string | number,
  settings: TrafficSettings,
  lookup: BackendLookup,
): ResolvedBackend {
  const port = findServicePort(service, wanted);
  if ("reason" in port) return unavailable(service, ".service.port", port);
  if (service.external?.kind === "invalid") return unavailable(service, ".service.name", service.external.problem);
  const diagnostics: Diagnostic[] = [];
  const protocol = chooseProtocol(service, port, settings, diagnostics);
  const upstream =
    protocol === "https" ? secureUpstream(service, port, settings, lookup) : plainUpstream(service, port);
  if ("reason" in upstream) return unavailable(service, ".service", upstream);
  const action: RouteAction = { kind: "forward", upstreams: [{ upstream: upstream.id, weight: 1 }] };
  return { action, use: { upstream, service, port }, service, fault: null, diagnostics };
}

/** Ingress before Service before the port itself. */
function chooseProtocol(
  service: ServiceView,
  port: ServicePortView,
  settings: TrafficSettings,
  diagnostics: Diagnostic[],
): "http" | "https" {
  if (settings.backendProtocol !== null) return settings.backendProtocol;
  const object = service.identity.reference;
  const { backendProtocol, tlsPlace } = settingsOfPort(service, port);
  let protocol = backendProtocol;
  if (protocol === null) {
    const fault = judgeAppProtocol(port.appProtocol);
    if (fault !== null) diagnostics.push(diagnose({ object, field: `${port.field}.appProtocol` }, fault));
    protocol = readAppProtocol(port.appProtocol) ?? "http";
  }
  if (protocol === "http" && tlsPlace !== null) diagnostics.push(tlsWithoutHttps(tlsPlace));
  return protocol;
}

function plainUpstream(service: ServiceView, port: ServicePortView): Upstream {
  const id = plainUpstreamId(service.identity.reference, port.number);
  return { id, protocol: "http", tls: null, dnsName: externalDnsName(service, port) };
}

function secureUpstream(
  service: ServiceView,
  port: ServicePortView,
  settings: TrafficSettings,
  lookup: BackendLookup,
): Upstream | Problem {
  const { namespace, name } = service.identity.reference;
  const defaultServerName = service.external?.kind === "dns" ? service.external.host : `${name}.${namespace}.svc`;
  const asked = mergeSettings(settings, settingsOfPort(service, port));
  const serverName = asked.tlsServerName ?? defaultServerName;
  const caSecret = asked.tlsCaSecret;
  const ca = caSecret === null ? { caPem: null } : readCa(`${namespace}/${caSecret}`, lookup);
  // An upstream that cannot be verified as asked is not spoken to at all.
  if ("problem" in ca) return ca.problem;
  const { caPem } = ca;
  const plainId = plainUpstreamId(service.identity.reference, port.number);
  const id = tlsUpstreamId(plainId, { serverName, caSecret }, defaultServerName);
  return { id, protocol: "https", tls: { serverName, caPem }, dnsName: externalDnsName(service, port) };
}

/** `key` is the Secret's `namespace/name`. */
export function readCa(key: string, lookup: Pick<BackendLookup, "findSecret">): CaReading {
  const secret = lookup.findSecret(key);
  if (secret !== undefined) return readCaSecret(secret.object, key);
  const message = `Secret ${quoteText(key)}, for verifying the upstream, does not exist; requests get 503.`;
  const hint = "Create it with the key ca.crt, or name no Secret.";
  return { caPem: null, problem: problem("error", "SecretNotFound", message, hint) };
}

function externalDnsName(service: ServiceView, port: ServicePortView): DnsName | null {
  return service.external?.kind === "dns" ? { host: service.external.host, port: port.number } : null;
}

function unavailable(service: ServiceView | null, leaf: string, fault: Problem): ResolvedBackend {
  return { action: RESPOND_UNAVAILABLE, use: null, service, fault: { leaf, problem: fault }, diagnostics: [] };
}

function serviceNotFound(namespace: string, reference: BackendReference): Problem {
  const message = `Service ${quoteText(`${namespace}/${reference.service}`)} does not exist; requests get 503.`;
  return problem("error", "ServiceNotFound", message, "Create it, or name another one of the same namespace.");
}
