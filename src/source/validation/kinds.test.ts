import assert from "node:assert/strict";
import { test } from "node:test";
import { lookUpKind } from "./kinds.ts";
import { validateObject } from "./validate-object.ts";

type Data = Readonly<Record<string, unknown>>;

function linesOf(data: unknown, severity = "error"): string[] {
  const validation = validateObject(data);
  assert.notEqual(validation.outcome, "foreign");
  if (validation.outcome === "foreign") return [];
  return validation.problems
    .filter((problem) => problem.severity === severity)
    .map((problem) => `${problem.path.toString()}: ${problem.message.split(" (e.g.")[0]}`);
}

function hintsOf(data: unknown): string[] {
  const validation = validateObject(data);
  return validation.outcome === "foreign" ? [] : validation.problems.map((problem) => problem.hint);
}

function ingress(spec: Data, metadata: Data = {}): Data {
  return { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "a", ...metadata }, spec };
}

const BACKEND: Data = { service: { name: "web", port: { number: 80 } } };

function withPath(path: Data): Data {
  return ingress({ rules: [{ http: { paths: [{ backend: BACKEND, ...path }] } }] });
}

function withHost(host: string): Data {
  return ingress({ rules: [{ host }] });
}

function withBackend(defaultBackend: unknown): Data {
  return ingress({ defaultBackend });
}

const PATH = "spec.rules[0].http.paths[0]";
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";

const INGRESSES: readonly (readonly [string, Data, readonly string[]])[] = [
  [
    "nothing to serve",
    ingress({}),
    ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
  ],
  ["a rule with only a host", withHost("shop.example"), []],
  ["a wildcard host", withHost("*.shop.example"), []],
  [
    "a host with capitals",
    withHost("Shop.example"),
    [`spec.rules[0].host: Invalid value: "Shop.example": ${SUBDOMAIN}`],
  ],
  [
    "an address as host",
    withHost("10.0.0.1"),
    ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
  ],
  [
    "a bare asterisk",
    withHost("*"),
    [
      "spec.rules[0].host: Invalid value: \"*\": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    ],
  ],
  ["no paths", ingress({ rules: [{ http: {} }] }), ["spec.rules[0].http.paths: Required value"]],
  ["no pathType", withPath({ path: "/" }), [`${PATH}.pathType: Required value: pathType must be specified`]],
  [
    "an unknown pathType",
    withPath({ path: "/", pathType: "prefix" }),
    [`${PATH}.pathType: Unsupported value: "prefix": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
  ],
  [
    "a relative path",
    withPath({ path: "foo", pathType: "Prefix" }),
    [`${PATH}.path: Invalid value: "foo": must be an absolute path`],
  ],
  ["no path", withPath({ pathType: "Exact" }), [`${PATH}.path: Invalid value: "": must be an absolute path`]],
  ["no path, ImplementationSpecific", withPath({ pathType: "ImplementationSpecific" }), []],
  [
    "a relative path, ImplementationSpecific",
    withPath({ path: "foo", pathType: "ImplementationSpecific" }),
    [`${PATH}.path: Invalid value: "foo": must be an absolute path`],
  ],
  ["odd characters, ImplementationSpecific", withPath({ path: "/a//b/..", pathType: "ImplementationSpecific" }), []],
  [
    "double slashes",
    withPath({ path: "/a//b", pathType: "Prefix" }),
    [`${PATH}.path: Invalid value: "/a//b": must not contain '//'`],
  ],
  [
    "dot segments",
    withPath({ path: "/a/./b/../c", pathType: "Exact" }),
    [
      `${PATH}.path: Invalid value: "/a/./b/../c": must not contain '/./'`,
      `${PATH}.path: Invalid value: "/a/./b/../c": must not contain '/../'`,
    ],
  ],
  [
    "encoded slashes",
    withPath({ path: "/a%2Fb%2fc", pathType: "Prefix" }),
    [
      `${PATH}.path: Invalid value: "/a%2Fb%2fc": must not contain '%2f'`,
      `${PATH}.path: Invalid value: "/a%2Fb%2fc": must not contain '%2F'`,
    ],
  ],
  [
    "a dot segment at the end",
    withPath({ path: "/a/..", pathType: "Prefix" }),
    [`${PATH}.path: Invalid value: "/a/..": cannot end with '/..'`],
  ],
  [
    "no backend",
    withPath({ path: "/", pathType: "Prefix", backend: null }),
    [`${PATH}.backend: Invalid value: "": resource or service backend is required`],
  ],
  [
    "both backends",
    withBackend({ ...BACKEND, resource: { kind: "Bucket", name: "a" } }),
    ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
  ],
  ["a resource", withBackend({ resource: { apiGroup: "k8s.example", kind: "Bucket", name: "a" } }), []],
  [
    "a resource without a name",
    withBackend({ resource: { apiGroup: "K8s", kind: "a/b" } }),
    [
      `spec.defaultBackend.resource.apiGroup: Invalid value: "K8s": ${SUBDOMAIN}`,
      "spec.defaultBackend.resource.kind: Invalid value: \"a/b\": may not contain '/'",
      "spec.defaultBackend.resource.name: Required value",
    ],
  ],
  [
    "no port",
    withBackend({ service: { name: "web" } }),
    ["spec.defaultBackend: Required value: port name or number is required"],
  ],
  [
    "two ports",
    withBackend({ service: { name: "web", port: { name: "http", number: 80 } } }),
    ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
  ],
  [
    "a port out of range",
    withBackend({ service: { name: "web", port: { number: 70_000 } } }),
    ["spec.defaultBackend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive"],
  ],
  [
    "a number as port name",
    withBackend({ service: { name: "web", port: { name: "80" } } }),
    ['spec.defaultBackend.service.port.name: Invalid value: "80": must contain at least one letter (a-z)'],
  ],
  [
    "a quoted port number",
    withBackend({ service: { name: "web", port: { number: "80" } } }),
    ["spec.defaultBackend.service.port.number: expected integer, got string"],
  ],
  [
    "half a port",
    withBackend({ service: { name: "web", port: { number: 80.5 } } }),
    ["spec.defaultBackend.service.port.number: expected integer, got number"],
  ],
  [
    "a port that is no 32-bit number",
    withBackend({ service: { name: "web", port: { number: 2 ** 31 } } }),
    ["spec.defaultBackend.service.port.number: expected 32-bit integer, got 2147483648"],
  ],
  [
    "a bad Service name",
    withBackend({ service: { name: "Web", port: { number: 80 } } }),
    [`spec.defaultBackend.service.name: Invalid value: "Web": ${LABEL}`],
  ],
  [
    "bad TLS",
    ingress({ defaultBackend: BACKEND, tls: [{}, { hosts: ["ok.example", "No", "*.ok"], secretName: "S" }] }),
    [
      `spec.tls[1].hosts[1]: Invalid value: "No": ${SUBDOMAIN}`,
      `spec.tls[1].secretName: Invalid value: "S": ${SUBDOMAIN}`,
    ],
  ],
  [
    "a bad class",
    ingress({ defaultBackend: BACKEND, ingressClassName: "A" }),
    [`spec.ingressClassName: Invalid value: "A": ${SUBDOMAIN}`],
  ],
  [
    "two classes",
    ingress(
      { defaultBackend: BACKEND, ingressClassName: "a" },
      { annotations: { "kubernetes.io/ingress.class": "b" } },
    ),
    [
      'metadata.annotations[kubernetes.io/ingress.class]: Invalid value: "b": must match `ingressClassName` when both are specified',
    ],
  ],
];

for (const [name, data, expected] of INGRESSES) {
  test(`an Ingress with ${name}: ${expected.length === 0 ? "accepted" : "refused"}`, () => {
    assert.deepEqual(linesOf(data), expected);
  });
}

test("a host that is nearly right is shown as it should be", () => {
  for (const host of ["Shop.example", "https://shop.example/cart", "shop.example:8080", "SHOP.example/"]) {
    assert.ok(hintsOf(withHost(host)).includes('Write "shop.example".'), host);
  }
  assert.deepEqual(hintsOf(withHost("-")), [""]);
});

test("ten thousand paths are checked without ado", () => {
  const paths = Array.from({ length: 10_000 }, (_, position) => ({
    path: `/${position}`,
    pathType: "Prefix",
    backend: BACKEND,
  }));
  assert.deepEqual(linesOf(ingress({ rules: [{ http: { paths } }] })), []);
});

function ingressClass(spec: Data): Data {
  return { apiVersion: "networking.k8s.io/v1", kind: "IngressClass", metadata: { name: "a" }, spec };
}

const CLASSES: readonly (readonly [string, Data, readonly string[]])[] = [
  ["a controller", { controller: "penstock.dev/ingress-controller" }, []],
  ["no controller", {}, ["spec.controller: Required value"]],
  [
    "a controller without a domain",
    { controller: "nginx" },
    ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")'],
  ],
  [
    "a long controller",
    { controller: `a.b/${"c".repeat(250)}` },
    ["spec.controller: Too long: must have at most 250 bytes"],
  ],
  [
    "a strange controller",
    { controller: "a.b/c d" },
    [
      "spec.controller: Invalid value: \"c d\": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')",
    ],
  ],
  ["parameters", { controller: "a.b/c", parameters: { kind: "ProxyConfig", name: "x" } }, []],
  [
    "incomplete parameters",
    { controller: "a.b/c", parameters: { scope: "Namespace" } },
    [
      "spec.parameters.kind: Required value",
      "spec.parameters.name: Required value",
      "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
    ],
  ],
  [
    "a namespace that has no say",
    { controller: "a.b/c", parameters: { kind: "K", name: "x", namespace: "y" } },
    ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
  ],
  [
    "an unknown scope",
    { controller: "a.b/c", parameters: { kind: "K", name: "x", scope: "World" } },
    ['spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace"'],
  ],
];

for (const [name, spec, expected] of CLASSES) {
  test(`an IngressClass with ${name}: ${expected.length === 0 ? "accepted" : "refused"}`, () => {
    assert.deepEqual(linesOf(ingressClass(spec)), expected);
  });
}

function service(spec: Data): Data {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "web" }, spec };
}

const SERVICES: readonly (readonly [string, Data, readonly string[]])[] = [
  ["one port", { ports: [{ port: 80 }] }, []],
  ["everything that a cluster shows", { clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv4"], ports: [{ port: 80 }] }, []],
  ["no ports", {}, ["spec.ports: Required value"]],
  ["no ports, headless", { clusterIP: "None" }, []],
  ["a name elsewhere", { type: "ExternalName", externalName: "db.example." }, []],
  ["no name elsewhere", { type: "ExternalName" }, ["spec.externalName: Required value"]],
  [
    "a bad name elsewhere",
    { type: "ExternalName", externalName: "http://x", clusterIP: "10.0.0.1" },
    [
      `spec.externalName: Invalid value: "http://x": ${SUBDOMAIN}`,
      "spec.clusterIP: Forbidden: may not be set for ExternalName services",
    ],
  ],
  [
    "an unknown type",
    { type: "clusterip", ports: [{ port: 80 }] },
    [
      'spec.type: Unsupported value: "clusterip": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  ],
  [
    "a bad address",
    { clusterIP: "web", ports: [{ port: 80 }] },
    ['spec.clusterIP: Invalid value: "web": must be a valid IP address,'],
  ],
  [
    "a headless node port",
    { type: "NodePort", clusterIP: "None", ports: [{ port: 80 }] },
    ["spec.clusterIP: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
  ],
  ["ports without names", { ports: [{ port: 80 }, { port: 81, name: "b" }] }, ["spec.ports[0].name: Required value"]],
  [
    "two ports of a name and number",
    {
      ports: [
        { port: 80, name: "a" },
        { port: 80, name: "a" },
        { port: 80, name: "b", protocol: "UDP" },
      ],
    },
    ['spec.ports[1].name: Duplicate value: "a"', 'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}'],
  ],
  [
    "a port with nothing right in it",
    { ports: [{ name: "A", port: 0, protocol: "tcp", targetPort: "80", appProtocol: "a b", nodePort: 30_000 }] },
    [
      `spec.ports[0].name: Invalid value: "A": ${LABEL}`,
      "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
      'spec.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
      'spec.ports[0].targetPort: Invalid value: "80": must contain at least one letter (a-z)',
      "spec.ports[0].appProtocol: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
  ],
  [
    "a target port out of range",
    { ports: [{ port: 80, targetPort: 65_536 }] },
    ["spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
  ],
  [
    "a target port that is neither",
    { ports: [{ port: 80, targetPort: true }] },
    ["spec.ports[0].targetPort: expected integer or string, got boolean"],
  ],
  [
    "an unknown affinity",
    { ports: [{ port: 80 }], sessionAffinity: "Cookie" },
    ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
  ],
];

for (const [name, spec, expected] of SERVICES) {
  test(`a Service with ${name}: ${expected.length === 0 ? "accepted" : "refused"}`, () => {
    assert.deepEqual(linesOf(service(spec)), expected);
  });
}

function slice(fields: Data): Data {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "a" },
    addressType: "IPv4",
    ...fields,
  };
}

const SLICES: readonly (readonly [string, Data, readonly string[]])[] = [
  [
    "endpoints",
    { endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: null } }], ports: [{ name: null, port: 80 }] },
    [],
  ],
  ["nothing", { endpoints: null, ports: null }, []],
  ["names", { addressType: "FQDN", endpoints: [{ addresses: ["db.example"] }] }, []],
  ["no type", { addressType: null }, ["addressType: Required value"]],
  [
    "an unknown type",
    { addressType: "IP" },
    ['addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"'],
  ],
  [
    "bad addresses",
    { endpoints: [{ addresses: ["web", "fd00::1", "169.254.169.254"] }, {}] },
    [
      'endpoints[0].addresses[0]: Invalid value: "web": must be a valid IPv4 address',
      'endpoints[0].addresses[1]: Invalid value: "fd00::1": must be a valid IPv4 address',
      'endpoints[0].addresses[2]: Invalid value: "169.254.169.254": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      "endpoints[1].addresses: Required value: must contain at least 1 address",
    ],
  ],
  [
    "a name that is not full",
    { addressType: "FQDN", endpoints: [{ addresses: ["db"] }] },
    ['endpoints[0].addresses[0]: Invalid value: "db": should be a domain with at least two segments separated by dots'],
  ],
  [
    "too many endpoints",
    { endpoints: Array.from({ length: 1_001 }, () => ({ addresses: ["10.0.0.1"] })) },
    ["endpoints: Too many: 1001: must have at most 1000 items"],
  ],
  [
    "too many addresses",
    { endpoints: [{ addresses: Array.from({ length: 101 }, () => "10.0.0.1") }] },
    ["endpoints[0].addresses: Too many: 101: must have at most 100 items"],
  ],
  [
    "too many ports",
    { ports: Array.from({ length: 101 }, (_, position) => ({ name: `p${position}`, port: 80 })) },
    ["ports: Too many: 101: must have at most 100 items"],
  ],
  [
    "bad ports",
    { ports: [{ port: 80 }, { port: 0, protocol: "tcp" }] },
    [
      'ports[1].name: Duplicate value: ""',
      'ports[1].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
      "ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive",
    ],
  ],
  [
    "a zone without a name",
    { endpoints: [{ addresses: ["10.0.0.1"], hints: { forZones: [{}] } }] },
    ["endpoints[0].hints.forZones[0].name: Required value"],
  ],
];

for (const [name, fields, expected] of SLICES) {
  test(`an EndpointSlice with ${name}: ${expected.length === 0 ? "accepted" : "refused"}`, () => {
    assert.deepEqual(linesOf(slice(fields)), expected);
  });
}

test("a loopback address is accepted with a note, once a slice", () => {
  const data = slice({
    endpoints: [{ addresses: ["10.0.0.1"] }, { addresses: ["127.0.0.1"] }, { addresses: ["127.0.0.2"] }],
  });
  assert.equal(validateObject(data).outcome, "accepted");
  assert.deepEqual(linesOf(data, "info"), [
    "endpoints[1].addresses[0]: the Kubernetes API would refuse 127.0.0.1: may not be in the loopback range (127.0.0.0/8, ::1/128)",
  ]);
});

function secret(fields: Data): Data {
  return { apiVersion: "v1", kind: "Secret", metadata: { name: "a" }, ...fields };
}

const SECRETS: readonly (readonly [string, Data, readonly string[]])[] = [
  ["a certificate", { type: "kubernetes.io/tls", data: { "tls.crt": "YQ==" }, stringData: { "tls.key": "b" } }, []],
  ["no certificate", { type: "kubernetes.io/tls" }, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]],
  ["no base64", { data: { a: "geheim!" } }, ["data[a]: illegal base64 data at input byte 6"]],
  [
    "bad keys",
    { data: { "a/b": "" }, stringData: { "..": "" } },
    [
      "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
      "stringData[..]: Invalid value: \"..\": must not be '..'",
    ],
  ],
  [
    "more than a megabyte",
    { stringData: { a: "x".repeat(1_048_577) } },
    ["data: Too long: must have at most 1048576 bytes"],
  ],
];

for (const [name, fields, expected] of SECRETS) {
  test(`a Secret with ${name}: ${expected.length === 0 ? "accepted" : "refused"}`, () => {
    assert.deepEqual(linesOf(secret(fields)), expected);
  });
}

test("stringData is folded into data and wins", () => {
  const validation = validateObject(secret({ data: { a: "YQ\n==", b: "Yg==" }, stringData: { b: "bee", c: "" } }));
  assert.equal(validation.outcome, "accepted");
  assert.deepEqual(structuredClone(validation.object), {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "a", namespace: "default" },
    data: { a: "YQ==", b: Buffer.from("bee").toString("base64"), c: "" },
  });
});

test("no message about a Secret holds a value of it", () => {
  const value = "hunter2hunter2!";
  for (const fields of [
    { data: { a: value } },
    { data: value },
    { data: { a: [value] } },
    { stringData: { a: { [value]: 1 } } },
  ]) {
    const text = JSON.stringify(linesOf(secret(fields)));
    assert.notEqual(text, "[]");
    assert.equal(text.includes("hunter2"), false, text);
  }
});

test("a ConfigMap may not have a key twice, nor more than a megabyte", () => {
  const data = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  assert.deepEqual(linesOf({ ...data, data: { a: "x" }, binaryData: { a: "eA==" } }), [
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ]);
  assert.deepEqual(linesOf({ ...data, data: { a: "x".repeat(1_048_577) } }), [
    ": Too long: must have at most 1048576 bytes",
  ]);
  assert.deepEqual(linesOf({ ...data, binaryData: { a: "?" } }), [
    "binaryData[a]: illegal base64 data at input byte 0",
  ]);
});

test("a kind that is nearly one of ours, in its version, is a typing error; real kinds of Kubernetes are not", () => {
  assert.deepEqual(lookUpKind("networking.k8s.io/v1", "Ingres"), {
    found: "wrong-version",
    message: 'no matches for kind "Ingres" in version "networking.k8s.io/v1"',
    hint: "Did you mean kind: Ingress?",
  });
  for (const [version, kind] of [
    ["v1", "Pod"],
    ["v1", "Node"],
    ["v1", "Endpoints"],
    ["v1", "ServiceAccount"],
    ["networking.k8s.io/v1", "NetworkPolicy"],
    ["apps/v1", "Deployment"],
    ["example.com/v1", "Ingres"],
  ] as const) {
    assert.deepEqual(lookUpKind(version, kind), { found: "foreign" }, kind);
  }
});
