// From a reference to a Service and port to what a route does: forward to an upstream, or answer 503. Keeps the upstreams
// that were asked for. Knows neither hosts and paths nor endpoints.
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { ForwardAction, RouteAction } from "../ir/route-table.ts";
import type { DnsName, Upstream, UpstreamTls } from "../ir/upstream.ts";
import { quoteText } from "../lib/quote-text.ts";
import type { Secret, Service } from "../source/object-types.ts";
import type { AnnotationSettings } from "./annotations/settings.ts";
import { judgeAppProtocol, readAppProtocol } from "./app-protocol.ts";
import type { BackendReference } from "./backend-reference.ts";
import { readCaSecret } from "./ca-secret.ts";
import { appendTo, diagnose, problem } from "./diagnose.ts";
import type { Problem } from "./diagnose.ts";
import { identifyObject } from "./object-identity.ts";
import type { ObjectIdentity } from "./object-identity.ts";
import type { ObjectIndex } from "./object-index.ts";
import { findServicePort } from "./service-port.ts";
import { viewService } from "./service-view.ts";
import type { ServicePortView, ServiceView } from "./service-view.ts";
import { plainUpstreamId, tlsUpstreamId } from "./upstream-id.ts";

export interface ResolvedBackend {
  readonly action: RouteAction;
  /** Null where the Service does not exist. */
  readonly service: ServiceView | null;
  readonly isHttps: boolean;
  /** Why the action is a 503. */
  readonly fault: BackendFault | null;
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

/** Resolves the backends of one translation. The same question gets the same answer object. */
export class BackendResolver {
  /** By id. */
  readonly uses: Map<string, UpstreamUse> = new Map();
  /** About Services, as far as they were asked for. */
  readonly diagnostics: Diagnostic[] = [];
  readonly #services: ObjectIndex<Service>;
  readonly #secrets: ObjectIndex<Secret>;
  readonly #resolved = new Map<string, ResolvedBackend>();
  readonly #actions = new Map<string, ForwardAction>();
  readonly #seenServices = new Set<ServiceView>();

  constructor(services: ObjectIndex<Service>, secrets: ObjectIndex<Secret>) {
    this.#services = services;
    this.#secrets = secrets;
  }

  /** `settings` are those of the Ingress that holds the reference. */
  resolve(namespace: string, reference: BackendReference, settings: AnnotationSettings): ResolvedBackend {
    const { service, port } = reference;
    const { backendProtocol, tlsServerName, tlsCaSecret } = settings;
    // A port's name is never all digits, so that names and numbers need no mark to tell them apart.
    const key = `${namespace}/${service}\0${port}\0${backendProtocol}\0${tlsServerName}\0${tlsCaSecret}`;
    let resolved = this.#resolved.get(key);
    if (resolved === undefined) {
      resolved = this.#resolve(namespace, reference, settings);
      this.#resolved.set(key, resolved);
    }
    return resolved;
  }

  #resolve(namespace: string, reference: BackendReference, settings: AnnotationSettings): ResolvedBackend {
    const object = this.#services.get(`${namespace}/${reference.service}`);
    if (object === undefined) return unavailable(null, ".service.name", serviceNotFound(namespace, reference));
    const service = viewService(object, identifyObject(object, "Service") as ObjectIdentity);
    if (!this.#seenServices.has(service)) {
      this.#seenServices.add(service);
      appendTo(this.diagnostics, service.diagnostics);
    }
    const port = findServicePort(service, reference.port);
    if ("reason" in port) return unavailable(service, ".service.port", port);
    if (service.external?.kind === "invalid") return unavailable(service, ".service.name", service.external.problem);

    const isHttps = this.#chooseProtocol(service, port, settings) === "https";
    const upstream = isHttps
      ? this.#secureUpstream(service, port, settings)
      : plainUpstream(service, port, plainUpstreamId(service.identity.reference, port.number));
    if ("reason" in upstream) return unavailable(service, ".service", upstream);
    if (!this.uses.has(upstream.id)) this.uses.set(upstream.id, { upstream, service, port });
    return { action: this.#forwardTo(upstream.id), service, isHttps, fault: null };
  }

  #chooseProtocol(service: ServiceView, port: ServicePortView, settings: AnnotationSettings): "http" | "https" {
    if (settings.backendProtocol !== null) return settings.backendProtocol;
    const object = service.identity.reference;
    let protocol = service.settings.backendProtocol;
    if (protocol === null) {
      const fault = judgeAppProtocol(port.appProtocol);
      if (fault !== null) this.diagnostics.push(diagnose({ object, field: `${port.field}.appProtocol` }, fault));
      protocol = readAppProtocol(port.appProtocol) ?? "http";
    }
    const { tlsServerName, tlsCaSecret } = service.settings;
    if (protocol === "http" && (tlsServerName !== null || tlsCaSecret !== null)) {
      this.diagnostics.push(diagnose({ object, field: "metadata.annotations" }, tlsWithoutHttps()));
    }
    return protocol;
  }

  #secureUpstream(service: ServiceView, port: ServicePortView, settings: AnnotationSettings): Upstream | Problem {
    const { namespace, name } = service.identity.reference;
    const defaultServerName = service.external?.kind === "dns" ? service.external.host : `${name}.${namespace}.svc`;
    const serverName = settings.tlsServerName ?? service.settings.tlsServerName ?? defaultServerName;
    const caSecret = settings.tlsCaSecret ?? service.settings.tlsCaSecret;
    const caPem = caSecret === null ? null : this.#readCa(`${namespace}/${caSecret}`);
    // An upstream that cannot be verified as asked is not spoken to at all.
    if (typeof caPem === "object" && caPem !== null) return caPem;
    const plainId = plainUpstreamId(service.identity.reference, port.number);
    const id = tlsUpstreamId(plainId, { serverName, caSecret }, defaultServerName);
    const tls: UpstreamTls = { serverName, caPem };
    return { id, protocol: "https", tls, dnsName: externalDnsName(service, port) };
  }

  #readCa(key: string): string | Problem {
    const secret = this.#secrets.get(key);
    if (secret === undefined) {
      const message = `Secret ${quoteText(key)}, for verifying the upstream, does not exist; requests get 503.`;
      return problem("error", "SecretNotFound", message, "Create it with the key ca.crt, or remove the annotation.");
    }
    const reading = readCaSecret(secret, key);
    return reading.caPem ?? reading.problem;
  }

  #forwardTo(upstream: string): ForwardAction {
    let action = this.#actions.get(upstream);
    if (action === undefined) {
      action = { kind: "forward", backends: [{ upstream, weight: 1 }] };
      this.#actions.set(upstream, action);
    }
    return action;
  }
}

/** On an Ingress or Service that asks for TLS settings of connections that have no TLS. */
export function tlsWithoutHttps(): Problem {
  const message = "The backend-tls annotations have no effect: the upstream is spoken to in plain HTTP.";
  return problem("warning", "AnnotationWithoutEffect", message, 'Set penstock.dev/backend-protocol: "https".');
}

function plainUpstream(service: ServiceView, port: ServicePortView, id: string): Upstream {
  return { id, protocol: "http", tls: null, dnsName: externalDnsName(service, port) };
}

function externalDnsName(service: ServiceView, port: ServicePortView): DnsName | null {
  return service.external?.kind === "dns" ? { host: service.external.host, port: port.number } : null;
}

function unavailable(service: ServiceView | null, leaf: string, fault: Problem): ResolvedBackend {
  return { action: RESPOND_UNAVAILABLE, service, isHttps: false, fault: { leaf, problem: fault } };
}

function serviceNotFound(namespace: string, reference: BackendReference): Problem {
  const message = `Service ${quoteText(`${namespace}/${reference.service}`)} does not exist; requests get 503.`;
  return problem("error", "ServiceNotFound", message, "Create it, or name another one of the same namespace.");
}
