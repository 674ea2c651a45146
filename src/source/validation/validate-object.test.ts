import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_PROBLEMS_PER_OBJECT } from "./problem-list.ts";
import type { Validation } from "./validate-object.ts";
import { validateObject } from "./validate-object.ts";

type Data = Readonly<Record<string, unknown>>;

/** What is wrong, as the API server prints it. */
function errorsOf(data: unknown): string[] {
  return linesOf(validateObject(data), "error");
}

function linesOf(validation: Validation, severity: string): string[] {
  if (validation.outcome === "foreign") return [];
  return validation.problems
    .filter((problem) => problem.severity === severity)
    .map((problem) => `${problem.path.toString()}: ${problem.message}`);
}

function configMap(fields: Data = {}): Data {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, ...fields };
}

test("what is no object at all is refused", () => {
  assert.deepEqual(errorsOf(null), [": expected object, got null"]);
  assert.deepEqual(errorsOf([1]), [": expected object, got array"]);
  assert.deepEqual(errorsOf("text"), [": expected object, got string"]);
});

test("apiVersion and kind are asked for", () => {
  assert.deepEqual(errorsOf({}), [
    "apiVersion: Required value: apiVersion not set",
    "kind: Required value: kind not set",
  ]);
  assert.deepEqual(errorsOf({ apiVersion: 1, kind: "Service" }), ["apiVersion: expected string, got number"]);
});

test("kinds that nobody reads, and kinds of other APIs with a name like ours, are foreign", () => {
  for (const [apiVersion, kind] of [
    ["apps/v1", "Deployment"],
    ["serving.knative.dev/v1", "Service"],
    ["gateway.networking.k8s.io/v1", "HTTPRoute"],
  ]) {
    assert.deepEqual(validateObject({ apiVersion, kind }), { outcome: "foreign", apiVersion, kind });
  }
});

test("an Ingress of the old API is refused with what to write instead", () => {
  for (const apiVersion of ["extensions/v1beta1", "networking.k8s.io/v1beta1"]) {
    const validation = validateObject({ apiVersion, kind: "Ingress", metadata: { name: "old", namespace: "shop" } });
    assert.equal(validation.outcome, "refused");
    assert.deepEqual(validation.ref, { kind: "Ingress", namespace: "shop", name: "old" });
    const [problem] = validation.problems;
    assert.equal(problem?.reason, "UnsupportedVersion");
    assert.match(problem?.message ?? "", /^no matches for kind "Ingress" in version "(extensions|networking)/);
    assert.match(problem?.hint ?? "", /^Write apiVersion: networking\.k8s\.io\/v1, give every path a pathType/);
  }
});

test("a kind in the wrong group is refused with the right one", () => {
  const validation = validateObject({ apiVersion: "v1", kind: "Ingress", metadata: { name: "a" } });
  assert.equal(validation.outcome, "refused");
  assert.equal(validation.problems[0]?.hint, "Write apiVersion: networking.k8s.io/v1.");
});

test("an accepted object is frozen, has a namespace, and only fields that are read", () => {
  const validation = validateObject(
    configMap({
      metadata: { name: "a", managedFields: [{ manager: "kubectl" }], labels: { app: "x" }, creationTimestamp: null },
      data: { key: "value" },
      status: { phase: "x" },
      extra: 1,
    }),
  );
  assert.equal(validation.outcome, "accepted");
  assert.deepEqual(validation.ref, { kind: "ConfigMap", namespace: "default", name: "a" });
  assert.deepEqual(structuredClone(validation.object), {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", namespace: "default", labels: { app: "x" } },
    data: { key: "value" },
  });
  assert.ok(Object.isFrozen(validation.object.metadata));
});

test("addresses in the status of Ingresses and Services are handed on, and the external ones of a Service", () => {
  const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1", ports: [{ port: 80, protocol: "TCP" }] }] } };
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "a" } };
  const backend = { service: { name: "a", port: { number: 80 } } };
  const validation = validateObject({ ...ingress, spec: { defaultBackend: backend }, status });
  assert.deepEqual(validation.outcome === "accepted" && (validation.object as { status?: unknown }).status, status);
  const spec = { ports: [{ port: 80 }], externalIPs: ["192.0.2.9"] };
  const full = { loadBalancer: { ingress: [{ hostname: "a.example", ipMode: "VIP" }] }, conditions: [] };
  const service = validateObject({ apiVersion: "v1", kind: "Service", metadata: { name: "a" }, spec, status: full });
  assert.equal(service.outcome, "accepted");
  assert.deepEqual(structuredClone(service.object), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "a", namespace: "default" },
    spec,
    status: { loadBalancer: { ingress: [{ hostname: "a.example" }] } },
  });
});

test("the input is left as it was", () => {
  const data = configMap({ data: { a: "b" } });
  const copy = structuredClone(data);
  validateObject(data);
  assert.deepEqual(data, copy);
  assert.equal(Object.isFrozen(data), false);
});

test("unknown fields are warnings with the field that was meant", () => {
  const validation = validateObject(configMap({ metdata: {}, metadata: { name: "a", anotations: {} } }));
  assert.equal(validation.outcome, "accepted");
  assert.deepEqual(linesOf(validation, "warning"), [
    'metadata.anotations: unknown field "metadata.anotations"',
    'metdata: unknown field "metdata"',
  ]);
  assert.deepEqual(
    validation.problems.map((problem) => problem.hint),
    ['Did you mean "annotations"?', 'Did you mean "metadata"?'],
  );
});

test("wrong types are named, and nothing else is reported until they are right", () => {
  assert.deepEqual(errorsOf(configMap({ metadata: { name: 7, labels: { on: true } }, data: ["x"] })), [
    "metadata.name: expected string, got number",
    "metadata.labels[on]: expected string, got boolean",
    "data: expected object, got array",
  ]);
});

test("null is a missing field, and an empty value inside a map", () => {
  const validation = validateObject(configMap({ data: { a: null }, immutable: null }));
  assert.equal(validation.outcome, "accepted");
  assert.deepEqual(structuredClone(validation.object), {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", namespace: "default" },
    data: { a: "" },
  });
});

test("keys that every JavaScript object has are keys like any other", () => {
  const data = JSON.parse('{"__proto__": "p", "constructor": "c"}') as Data;
  const validation = validateObject(configMap({ data }));
  assert.equal(validation.outcome, "accepted");
  assert.equal(validation.object.kind, "ConfigMap");
  const stored = validation.object.data ?? {};
  assert.deepEqual(Object.entries(stored), [
    ["__proto__", "p"],
    ["constructor", "c"],
  ]);
  assert.equal("toString" in stored, false);
});

const METADATA: readonly (readonly [string, Data, RegExp])[] = [
  ["no name", {}, /^metadata\.name: Required value: name or generateName is required$/],
  ["a generated name", { generateName: "a-" }, /^metadata\.name: Required value/],
  ["capitals", { name: "Shop" }, /^metadata\.name: Invalid value: "Shop": a lowercase RFC 1123 subdomain/],
  [
    "a long name",
    { name: "a".repeat(254) },
    /^metadata\.name: Invalid value: "a{120}…": must be no more than 253 bytes$/,
  ],
  [
    "a bad namespace",
    { name: "a", namespace: "a.b" },
    /^metadata\.namespace: Invalid value: "a\.b": must not contain dots$/,
  ],
  ["a bad label key", { name: "a", labels: { "a b": "" } }, /^metadata\.labels: Invalid value: "a b": name part must/],
  ["a bad label", { name: "a", labels: { a: "b c" } }, /^metadata\.labels: Invalid value: "b c": a valid label must/],
  ["a bad annotation", { name: "a", annotations: { "a/b/c": "" } }, /^metadata\.annotations: Invalid value: "a\/b\/c"/],
  [
    "a megabyte of annotations",
    { name: "a", annotations: { a: "x".repeat(1_000_000) } },
    /^metadata\.annotations: Too long: must have at most 262144 bytes$/,
  ],
  [
    "no time",
    { name: "a", creationTimestamp: "yesterday" },
    /^metadata\.creationTimestamp: Invalid value: "yesterday"/,
  ],
  ["no day", { name: "a", creationTimestamp: "2026-13-01T00:00:00Z" }, /^metadata\.creationTimestamp: Invalid value/],
];

for (const [name, metadata, expected] of METADATA) {
  test(`metadata with ${name} is refused`, () => {
    const errors = errorsOf(configMap({ metadata }));
    assert.equal(errors.length, 1, errors.join("\n"));
    assert.match(errors[0] ?? "", expected);
  });
}

test("a cluster-scoped object has no namespace", () => {
  const data = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", namespace: "shop" } };
  assert.deepEqual(errorsOf(data), ["metadata.namespace: Forbidden: not allowed on this type"]);
  const validation = validateObject({ ...data, metadata: { name: "shop" } });
  assert.equal(validation.outcome, "accepted");
  assert.deepEqual(validation.ref, { kind: "Namespace", namespace: "", name: "shop" });
});

test("problems of one object are bounded, and the rest is counted", () => {
  const data = Object.fromEntries(Array.from({ length: 5_000 }, (_, position) => [`a b${position}`, "x"]));
  const validation = validateObject(configMap({ data }));
  assert.equal(validation.outcome, "refused");
  assert.equal(validation.problems.length, MAX_PROBLEMS_PER_OBJECT + 1);
  assert.equal(
    validation.problems.at(-1)?.message,
    `${5_000 - MAX_PROBLEMS_PER_OBJECT} more problems of this object are not shown`,
  );
});

test("more than the API server takes is refused, not worked through", () => {
  const paths = Array.from({ length: 2_000_000 }, () => null);
  const spec = { rules: [{ http: { paths } }] };
  const data = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "a" }, spec };
  assert.ok(errorsOf(data).includes(": Request entity too large: limit is 3145728"));
});

test("names in messages cannot steer a terminal", () => {
  const validation = validateObject(configMap({ metadata: { name: "\u001b[2J\u202e" } }));
  assert.equal(validation.outcome, "refused");
  assert.equal(/[\u0000-\u001f\u202e]/.test(linesOf(validation, "error").join("")), false);
  assert.equal(validation.ref?.name, "\\u001b[2J\\u202e");
});

const KINDS: readonly (readonly [string, string])[] = [
  ["networking.k8s.io/v1", "Ingress"],
  ["networking.k8s.io/v1", "IngressClass"],
  ["v1", "Service"],
  ["discovery.k8s.io/v1", "EndpointSlice"],
  ["v1", "Secret"],
  ["v1", "ConfigMap"],
  ["v1", "Namespace"],
];

/** Fields that exist, with values that need not be of their type: random names would never reach the checks. */
const FIELD_NAMES = [
  ..."metadata name namespace labels annotations spec rules host http paths path pathType backend service port".split(
    " ",
  ),
  ..."number resource tls hosts secretName defaultBackend ingressClassName controller parameters type data".split(" "),
  ..."stringData ports targetPort addressType endpoints addresses conditions externalName clusterIP".split(" "),
];
const VALUES = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 8, depthSize: "large" },
    fc.constantFrom<unknown>(
      null,
      "",
      "a",
      "a.b",
      "*.a",
      "/",
      "Prefix",
      "Exact",
      "IPv4",
      "10.0.0.1",
      80,
      -1,
      1e99,
      true,
      Number.NaN,
    ),
    fc.string(),
    fc.array(tie("node"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...FIELD_NAMES), fc.string()), tie("node"), { maxKeys: 4 }),
  ),
})).node;

test("no data makes validation throw, and what is accepted has a name", () => {
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), VALUES, VALUES, ([apiVersion, kind], metadata, spec) => {
      const rest = typeof spec === "object" && spec !== null && !Array.isArray(spec) ? spec : { spec };
      const validation = validateObject({ ...rest, apiVersion, kind, metadata });
      assert.notEqual(validation.outcome, "foreign");
      if (validation.outcome === "accepted") {
        assert.notEqual(validation.object.metadata.name, "");
      } else if (validation.outcome === "refused") {
        assert.ok(validation.problems.some(({ severity }) => severity === "error"));
      }
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.anything(), (data) => {
      validateObject(data);
    }),
  );
});
