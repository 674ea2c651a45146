// The objects of the scale benchmark: many Ingresses over fewer Services, each Service with one slice of three endpoints that
// all lead to the benchmark's origin; the first Ingresses have a certificate of their own.
import { createSelfSignedCertificate } from "../../src/dataplane/self-signed-certificate.ts";

export interface WorldSize {
  readonly ingresses: number;
  readonly services: number;
  readonly certificates: number;
}

/** Where endpoints lead: the same address for all, since there is one origin. */
export interface OriginPlace {
  readonly address: string;
  readonly ports: readonly [first: number, second: number];
}

export const CLASS_NAME = "penstock-scale";
export const CONTROLLER_NAME = "penstock.dev/scale-benchmark";

const NAMESPACE_COUNT = 20;
const NAMESPACE_PREFIX = "penstock-scale-";
const ENDPOINTS_PER_SERVICE = 3;
const YEAR_MS = 365 * 86_400_000;

export interface ApiObject {
  /** To POST it to. */
  readonly collection: string;
  readonly name: string;
  readonly body: object;
}

export function namespaceNames(): readonly string[] {
  return Array.from({ length: NAMESPACE_COUNT }, (_, i) => `${NAMESPACE_PREFIX}${i}`);
}

/** An Ingress and its Service share a namespace: numbers that leave the same remainder. */
function namespaceOf(number: number): string {
  return `${NAMESPACE_PREFIX}${number % NAMESPACE_COUNT}`;
}

export function hostOf(ingress: number): string {
  return `host-${ingress}.scale.test`;
}

export function serviceOf(ingress: number, { services }: WorldSize): number {
  const perNamespace = Math.floor(services / NAMESPACE_COUNT);
  return (ingress % NAMESPACE_COUNT) + NAMESPACE_COUNT * (Math.floor(ingress / NAMESPACE_COUNT) % perNamespace);
}

export function ingressPath(ingress: number): string {
  return `/apis/networking.k8s.io/v1/namespaces/${namespaceOf(ingress)}/ingresses/ingress-${ingress}`;
}

export function slicePath(service: number): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespaceOf(service)}/endpointslices/service-${service}-scale`;
}

/** The rules of an Ingress whose only path is `path`. */
export function rulesOf(ingress: number, path: string, size: WorldSize): object {
  const backend = { service: { name: `service-${serviceOf(ingress, size)}`, port: { number: 80 } } };
  return { rules: [{ host: hostOf(ingress), http: { paths: [{ path, pathType: "Prefix", backend }] } }] };
}

/** Three endpoints, of which one can be reached; the others are on their way out, and are in the configuration all the same. */
function endpointsOf(service: number, { address }: OriginPlace): readonly object[] {
  return Array.from({ length: ENDPOINTS_PER_SERVICE }, (_, i) => ({
    addresses: [i === 0 ? address : unusedAddress(service, i)],
    conditions: i === 0 ? { ready: true, serving: true } : { ready: false, serving: true, terminating: true },
    nodeName: `node-${i}`,
    zone: `zone-${i}`,
  }));
}

/** Of the block for benchmarks, RFC 2544: nobody is there. */
function unusedAddress(service: number, index: number): string {
  const number = service * ENDPOINTS_PER_SERVICE + index;
  return `198.18.${(number >> 8) & 0xff}.${number & 0xff}`;
}

export function slicePorts(port: number): object {
  return { ports: [{ name: "", port, protocol: "TCP" }] };
}

/** Everything but the namespaces, in the order in which it should be made. */
export function* worldObjects(size: WorldSize, place: OriginPlace): Generator<ApiObject> {
  for (let i = 0; i < size.certificates; i += 1) yield makeSecret(i);
  for (let i = 0; i < size.services; i += 1) {
    yield makeService(i);
    yield makeSlice(i, place);
  }
  for (let i = 0; i < size.ingresses; i += 1) yield makeIngress(i, size);
}

export function makeClass(): ApiObject {
  return {
    collection: "/apis/networking.k8s.io/v1/ingressclasses",
    name: CLASS_NAME,
    body: {
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClass",
      metadata: { name: CLASS_NAME },
      spec: { controller: CONTROLLER_NAME },
    },
  };
}

export function makeNamespace(name: string): ApiObject {
  return { collection: "/api/v1/namespaces", name, body: { apiVersion: "v1", kind: "Namespace", metadata: { name } } };
}

function makeIngress(number: number, size: WorldSize): ApiObject {
  const name = `ingress-${number}`;
  const tls = number < size.certificates ? { tls: [{ hosts: [hostOf(number)], secretName: `tls-${number}` }] } : {};
  return {
    collection: `/apis/networking.k8s.io/v1/namespaces/${namespaceOf(number)}/ingresses`,
    name,
    body: {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name },
      spec: { ingressClassName: CLASS_NAME, ...tls, ...rulesOf(number, "/start", size) },
    },
  };
}

function makeService(number: number): ApiObject {
  const name = `service-${number}`;
  return {
    collection: `/api/v1/namespaces/${namespaceOf(number)}/services`,
    name,
    // Without a cluster IP the API server need not look for a free one.
    body: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { clusterIP: "None", ports: [{ port: 80, targetPort: 8080 }] },
    },
  };
}

function makeSlice(number: number, place: OriginPlace): ApiObject {
  const name = `service-${number}-scale`;
  return {
    collection: `/apis/discovery.k8s.io/v1/namespaces/${namespaceOf(number)}/endpointslices`,
    name,
    body: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, labels: { "kubernetes.io/service-name": `service-${number}` } },
      addressType: "IPv4",
      ...slicePorts(place.ports[0]),
      endpoints: endpointsOf(number, place),
    },
  };
}

function makeSecret(number: number): ApiObject {
  const now = Date.now();
  const { chainPem, keyPem } = createSelfSignedCertificate({
    commonName: hostOf(number),
    dnsName: hostOf(number),
    validFrom: new Date(now),
    validTo: new Date(now + YEAR_MS),
  });
  const name = `tls-${number}`;
  return {
    collection: `/api/v1/namespaces/${namespaceOf(number)}/secrets`,
    name,
    body: {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name },
      type: "kubernetes.io/tls",
      stringData: { "tls.crt": chainPem, "tls.key": keyPem },
    },
  };
}
