// The world that the benchmark translates: as many Ingress objects as asked for, each with a host, two paths, a Service
// and an EndpointSlice of its own, every tenth with TLS.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EndpointSlice, Ingress, Secret, Service, WorldObjects } from "../../src/source/object-types.ts";

const CERTIFICATES = join(import.meta.dirname, "../../src/translate/testdata/certificates");
const ENDPOINTS_PER_SERVICE = 3;
const INGRESSES_PER_NAMESPACE = 100;
const INGRESSES_PER_TLS = 10;

/** Lists are frozen, as a source hands them over. */
export function makeWorld(count: number): WorldObjects {
  const tls = { "tls.crt": readBase64("wildcard.crt"), "tls.key": readBase64("wildcard.key") };
  const numbers = Array.from({ length: count }, (_, index) => index);
  return {
    ingresses: Object.freeze(numbers.map((number) => makeIngress(number, "/api"))),
    ingressClasses: Object.freeze([]),
    services: Object.freeze(numbers.map(makeService)),
    endpointSlices: Object.freeze(numbers.map((number) => makeSlice(number, 0))),
    // A copy of its own for each: what is read from a Secret is remembered by the object.
    secrets: Object.freeze(numbers.filter(hasTls).map((number) => makeSecret(number, { ...tls }))),
    configMaps: Object.freeze([]),
    namespaces: Object.freeze([]),
    upstreamPolicies: Object.freeze([]),
    routePolicies: Object.freeze([]),
    proxyConfigs: Object.freeze([]),
  };
}

export function makeIngress(number: number, path: string): Ingress {
  const backend = { service: { name: `service-${number}`, port: { number: 80 } } };
  const host = `host-${number}.shop.example`;
  const paths = [
    { path: "/", pathType: "Prefix", backend },
    { path, pathType: "Prefix", backend },
  ];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: {
      name: `ingress-${number}`,
      namespace: namespaceOf(number),
      creationTimestamp: new Date(Date.UTC(2024, 0, 1) + ((number * 7919) % 100_000) * 1000).toISOString(),
      annotations: { "penstock.dev/connect-timeout": "2s" },
    },
    spec: {
      ingressClassName: "penstock",
      ...(hasTls(number) ? { tls: [{ hosts: [host], secretName: `tls-${number}` }] } : {}),
      rules: [{ host, http: { paths } }],
    },
  };
}

/** `shift` moves the endpoints to other addresses. */
export function makeSlice(number: number, shift: number): EndpointSlice {
  const endpoints = Array.from({ length: ENDPOINTS_PER_SERVICE }, (_, index) => ({
    addresses: [addressOf(number * ENDPOINTS_PER_SERVICE + index + shift)],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${index}`,
    zone: `zone-${index}`,
  }));
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `service-${number}-abcde`,
      namespace: namespaceOf(number),
      labels: { "kubernetes.io/service-name": `service-${number}` },
    },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints,
  };
}

export function namespaceOf(number: number): string {
  return `team-${Math.floor(number / INGRESSES_PER_NAMESPACE)}`;
}

function makeService(number: number): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `service-${number}`, namespace: namespaceOf(number) },
    spec: { clusterIP: "10.96.0.1", ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  };
}

function makeSecret(number: number, data: Record<string, string>): Secret {
  const metadata = { name: `tls-${number}`, namespace: namespaceOf(number) };
  return { apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/tls", data };
}

function hasTls(number: number): boolean {
  return number % INGRESSES_PER_TLS === 0;
}

function addressOf(number: number): string {
  return `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
}

function readBase64(file: string): string {
  return readFileSync(join(CERTIFICATES, file)).toString("base64");
}
