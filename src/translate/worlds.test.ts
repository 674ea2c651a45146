// What the tests of this folder share: worlds made of loose objects, options, and generators for both.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import fc from "fast-check";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import type { WatchedKind, WorldObjects } from "../source/object-types.ts";
import type { TranslateOptions } from "./result.ts";

export type LooseObject = Readonly<Record<string, unknown>>;

const LISTS: Readonly<Record<WatchedKind, keyof WorldObjects>> = {
  Ingress: "ingresses",
  IngressClass: "ingressClasses",
  Service: "services",
  EndpointSlice: "endpointSlices",
  Secret: "secrets",
  ConfigMap: "configMaps",
  Namespace: "namespaces",
  UpstreamPolicy: "upstreamPolicies",
  RoutePolicy: "routePolicies",
  ProxyConfig: "proxyConfigs",
};

/** Those of a stand-alone proxy. */
export const OPTIONS: TranslateOptions = {
  ingressClass: "penstock",
  controller: "penstock.dev/ingress-controller",
  serveUnclassified: true,
  defaultCertificate: null,
  routeDefaults: DEFAULT_ROUTE_POLICY,
  loopback: "serve-loopback",
};

/** Sorts objects into a world by their kind, objects and lists deeply frozen as a source hands them over. */
export function worldOf(objects: readonly object[]): WorldObjects {
  const lists = Object.fromEntries(Object.values(LISTS).map((list) => [list, [] as object[]]));
  for (const object of objects) {
    const list = LISTS[(object as { kind: WatchedKind }).kind];
    assert.ok(list !== undefined, "an object of an unknown kind");
    lists[list]?.push(freeze(object));
  }
  for (const list of Object.values(lists)) Object.freeze(list);
  return lists as unknown as WorldObjects;
}

export function freeze<T>(value: T): T {
  // Buffers cannot be frozen.
  if (typeof value === "object" && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}

/** A file of testdata/certificates, in base64 as a Secret holds it. */
export function certificateFile(name: string): string {
  return readFileSync(join(import.meta.dirname, "testdata", "certificates", name)).toString("base64");
}

const name = fc.constantFrom("a", "b", "c");
const namespace = fc.constantFrom("x", "y");
const host = fc.constantFrom("shop.example", "SHOP.example.", "*.example", "a.example", "", "10.0.0.1", "*");
const path = fc.constantFrom("/", "/a", "/a/", "/a/b", "", "a", "/a//b", "/a|b");
const portNumber = fc.constantFrom(80, 443);
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

const metadata = (annotations: fc.Arbitrary<unknown> = fc.constant(undefined)): fc.Arbitrary<unknown> =>
  fc.record({
    name,
    namespace,
    creationTimestamp: optional(fc.constantFrom("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "yesterday")),
    annotations,
  });

const annotations = optional(
  fc.dictionary(
    fc.constantFrom(
      "penstock.dev/connect-timeout",
      "penstock.dev/backend-protocol",
      "penstock.dev/backend-tls-ca-secret",
      "penstock.dev/backend-tls-server-name",
      "penstock.dev/ssl-redirect",
      "penstock.dev/nonsense",
      "kubernetes.io/ingress.class",
      "ingressclass.kubernetes.io/is-default-class",
    ),
    fc.constantFrom("1s", "https", "true", "a", "b"),
    { maxKeys: 3 },
  ),
);

const backend = fc.record({
  service: fc.record({
    name,
    port: fc.oneof(fc.record({ number: portNumber }), fc.record({ name: fc.constant("http") })),
  }),
});

const ingress = fc.record({
  kind: fc.constant("Ingress"),
  metadata: metadata(annotations),
  spec: fc.record({
    ingressClassName: optional(fc.constantFrom("penstock", "a", "b", "")),
    defaultBackend: optional(backend),
    tls: optional(
      fc.array(fc.record({ hosts: optional(fc.array(host, { maxLength: 2 })), secretName: optional(name) }), {
        maxLength: 2,
      }),
    ),
    rules: fc.array(
      fc.record({
        host: optional(host),
        http: optional(
          fc.record({
            paths: fc.array(
              fc.record({ path, pathType: fc.constantFrom("Exact", "Prefix", "ImplementationSpecific"), backend }),
              { maxLength: 3 },
            ),
          }),
        ),
      }),
      { maxLength: 3 },
    ),
  }),
});

const ingressClass = fc.record({
  kind: fc.constant("IngressClass"),
  metadata: metadata(annotations),
  spec: fc.record({
    controller: fc.constantFrom(OPTIONS.controller, "example.com/other"),
    parameters: optional(fc.record({ apiGroup: fc.constant("penstock.dev"), kind: fc.constant("ProxyConfig"), name })),
  }),
});

const traffic = {
  timeouts: optional(fc.record({ response: fc.constantFrom("2s", "3s", "later") })),
  maxBodySize: optional(fc.constantFrom(1, "1Mi", [])),
};

const upstreamPolicy = fc.record({
  kind: fc.constant("UpstreamPolicy"),
  metadata: metadata(),
  spec: fc.record({
    targetRefs: fc.array(
      fc.record({
        group: fc.constant(""),
        kind: fc.constant("Service"),
        name,
        sectionName: optional(fc.constantFrom("http", "other")),
      }),
      { maxLength: 3 },
    ),
    protocol: optional(fc.constantFrom("http", "https")),
    tls: optional(fc.record({ caSecretName: optional(name), serverName: optional(fc.constantFrom("a.example", "9")) })),
    ...traffic,
  }),
});

const routePolicy = fc.record({
  kind: fc.constant("RoutePolicy"),
  metadata: metadata(),
  spec: fc.record({
    targetRefs: fc.array(
      fc.record({
        group: fc.constant("networking.k8s.io"),
        kind: fc.constantFrom("Ingress", "Ingress", "Gateway"),
        name,
      }),
      { maxLength: 3 },
    ),
    sslRedirect: optional(fc.boolean()),
    ...traffic,
  }),
});

const proxyConfig = fc.record({
  kind: fc.constant("ProxyConfig"),
  metadata: metadata(),
  spec: optional(fc.record({ sslRedirect: optional(fc.boolean()), ...traffic })),
});

const service = fc.record({
  kind: fc.constant("Service"),
  metadata: metadata(annotations),
  spec: fc.record({
    type: fc.constantFrom("ClusterIP", "ClusterIP", "ExternalName"),
    externalName: fc.constantFrom("api.example", "10.1.1.1", "no name"),
    ports: fc.array(
      fc.record({
        name: optional(fc.constantFrom("http", "other")),
        port: portNumber,
        appProtocol: optional(fc.constantFrom("https", "kubernetes.io/h2c")),
      }),
      { maxLength: 2 },
    ),
  }),
});

const condition = optional(fc.constantFrom(true, false, null));

/** EndpointSlices of the Services that the other generators make. */
export const endpointSlice: fc.Arbitrary<LooseObject> = fc.record({
  kind: fc.constant("EndpointSlice"),
  metadata: fc.record({
    name: fc.constantFrom("s1", "s2", "s3", "s4", "s5"),
    namespace,
    labels: fc.record({ "kubernetes.io/service-name": name }),
  }),
  addressType: fc.constantFrom("IPv4", "IPv4", "IPv6", "FQDN"),
  ports: fc.array(
    fc.record({ name: optional(fc.constantFrom("http", "other", "")), port: fc.constantFrom(8080, null) }),
    {
      maxLength: 2,
    },
  ),
  endpoints: fc.array(
    fc.record({
      addresses: fc.array(fc.constantFrom("10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:DB8:0::1", "nowhere"), {
        maxLength: 2,
      }),
      conditions: optional(fc.record({ ready: condition, serving: condition, terminating: condition })),
      zone: optional(fc.constantFrom("z1", "z2")),
    }),
    { maxLength: 3 },
  ),
});

const secret = fc.record({
  kind: fc.constant("Secret"),
  metadata: metadata(),
  type: fc.constantFrom("kubernetes.io/tls", "Opaque"),
  data: fc.constantFrom(
    { "tls.crt": certificateFile("shop.crt"), "tls.key": certificateFile("shop.key") },
    {
      "tls.crt": certificateFile("leaf.crt"),
      "tls.key": certificateFile("leaf.key"),
      "ca.crt": certificateFile("ca.crt"),
    },
    { "tls.crt": certificateFile("shop.crt"), "tls.key": certificateFile("leaf.key") },
    {},
  ),
});

/** Objects with so few names that they meet, agree and collide; several may have the same name. */
export const objects: fc.Arbitrary<LooseObject[]> = fc
  .tuple(
    fc.array(ingress, { maxLength: 8 }),
    fc.array(ingressClass, { maxLength: 3 }),
    fc.array(service, { maxLength: 5 }),
    fc.array(endpointSlice, { maxLength: 6 }),
    fc.array(secret, { maxLength: 3 }),
    fc.array(fc.oneof(upstreamPolicy, routePolicy), { maxLength: 6 }),
    fc.array(proxyConfig, { maxLength: 2 }),
  )
  .map((lists) => lists.flat() as LooseObject[]);

test("a world sorts loose objects by kind", () => {
  const world = worldOf([{ kind: "Service" }, { kind: "Ingress" }, { kind: "Service" }]);
  assert.deepEqual([world.services.length, world.ingresses.length, world.secrets.length], [2, 1, 0]);
  assert.ok(Object.isFrozen(world.services[0]));
});
