import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { fileNameOf, objectSchemaOf, renderDefinition } from "../../../tools/crds/custom-resource-definition.ts";
import { BYTE_SIZE_PATTERN, parseByteSize } from "../../lib/byte-size.ts";
import { TIMEOUT_VALUE } from "../../lib/traffic-values.ts";
import { validateObject } from "../validation/validate-object.ts";
import type { CustomResource } from "./custom-resource.ts";
import { CUSTOM_RESOURCES } from "./custom-resources.ts";
import { TIMEOUT_RULE } from "./fields.ts";
import type { StructuralSchema } from "./structural-schema.ts";
import { SERVER_NAME_RULE } from "./upstream-policy.ts";

type Data = Readonly<Record<string, unknown>>;

const CRDS = join(import.meta.dirname, "../../../crds");

test("crds/ holds what the schemas say", () => {
  assert.deepEqual(readdirSync(CRDS).toSorted(), CUSTOM_RESOURCES.map(fileNameOf).toSorted());
  for (const resource of CUSTOM_RESOURCES) {
    const file = readFileSync(join(CRDS, fileNameOf(resource)), "utf8");
    assert.equal(file, renderDefinition(resource), `${fileNameOf(resource)} is stale: run npm run crds`);
  }
});

test("every field of every kind says what it is for", () => {
  const visit = (schema: StructuralSchema, path: string): void => {
    assert.ok(path === ".metadata" || (schema.description ?? "").length > 5, `${path} has no description`);
    for (const [name, property] of Object.entries(schema.properties ?? {})) visit(property, `${path}.${name}`);
    if (schema.items !== undefined) visit(schema.items, `${path}[]`);
  };
  for (const resource of CUSTOM_RESOURCES) visit(objectSchemaOf(resource), "");
});

test("the guide names every field of every kind, and none that does not exist", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../../docs/guide/policies.md"), "utf8");
  const rows = Array.from(
    guide.matchAll(/^\| `([\w.[\]]+)` +\|([ yes]*)\|([ yes]*)\|([ yes]*)\|/gm),
    ([, name = "", ...has]) => {
      return { name, has: has.map((cell) => cell.trim() === "yes") };
    },
  );
  const expected = CUSTOM_RESOURCES.map((resource) => leavesOf(specSchemaOf(resource)));
  const documented = CUSTOM_RESOURCES.map((_, index) => rows.filter(({ has }) => has[index]).map(({ name }) => name));
  assert.deepEqual(
    documented.map((names) => names.toSorted()),
    expected.map((names) => names.toSorted()),
  );
});

test("the examples of the guide are objects that are accepted", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../../docs/guide/policies.md"), "utf8");
  const [, yaml = ""] = /```yaml\n([^]*?)```/.exec(guide) ?? [];
  const outcomes = yaml.split("---\n").map((text) => validateObject(parse(text)));
  assert.deepEqual(
    outcomes.map((validation) => validation.outcome),
    ["accepted", "accepted", "accepted", "accepted"],
  );
});

/** `timeouts.connect`, `targetRefs[].name`. */
function leavesOf(schema: StructuralSchema, path = ""): string[] {
  if (schema.items !== undefined) return leavesOf(schema.items, `${path}[]`);
  if (schema.properties === undefined) return [path];
  return Object.entries(schema.properties).flatMap(([name, property]) =>
    leavesOf(property, path === "" ? name : `${path}.${name}`),
  );
}

const SERVICE: Data = { group: "", kind: "Service", name: "web" };
const INGRESS: Data = { group: "networking.k8s.io", kind: "Ingress", name: "web" };

const upstream = (spec: Data): Data => objectOf("UpstreamPolicy", { targetRefs: [SERVICE], ...spec });
const route = (spec: Data): Data => objectOf("RoutePolicy", { targetRefs: [INGRESS], ...spec });
const config = (spec: unknown): Data => objectOf("ProxyConfig", spec);

function objectOf(kind: string, spec: unknown): Data {
  return {
    apiVersion: "penstock.dev/v1alpha1",
    kind,
    metadata: { name: "a" },
    ...(spec === undefined ? {} : { spec }),
  };
}

const ACCEPTED: readonly Data[] = [
  upstream({}),
  upstream({ targetRefs: [SERVICE, { ...SERVICE, sectionName: "http" }] }),
  upstream({ protocol: "https", tls: { serverName: "API.internal.example", caSecretName: "ca" } }),
  upstream({ tls: {}, timeouts: {}, retry: {} }),
  upstream({ tls: { serverName: "1.example" } }),
  upstream({ timeouts: { connect: "1ms", response: "1m30s", idle: "24h" }, retry: { attempts: 3 } }),
  route({ sslRedirect: false, maxBodySize: 0, retry: { attempts: 1 } }),
  route({ maxBodySize: "1.5Gi" }),
  route({ maxBodySize: "8m" }),
  route({ maxBodySize: 2 ** 31 - 1 }),
  config(undefined),
  config({}),
  config({ maxBodySize: "0", timeouts: { idle: "90s" } }),
];

/** An object, and what is said of it; all but the first part of each line is the API server's. */
const REFUSED: readonly (readonly [Data, readonly string[]])[] = [
  [objectOf("UpstreamPolicy", undefined), ["spec: Required value"]],
  [objectOf("RoutePolicy", {}), ["spec.targetRefs: Required value"]],
  [
    route({ targetRefs: [] }),
    ["spec.targetRefs: Invalid value: 0: spec.targetRefs in body should have at least 1 items"],
  ],
  [
    route({ targetRefs: Array.from({ length: 17 }, () => INGRESS) }),
    ["spec.targetRefs: Too many: 17: must have at most 16 items"],
  ],
  [
    route({ targetRefs: [SERVICE] }),
    [
      'spec.targetRefs[0].group: Unsupported value: "": supported values: "networking.k8s.io"',
      'spec.targetRefs[0].kind: Unsupported value: "Service": supported values: "Ingress"',
    ],
  ],
  [upstream({ targetRefs: [{ kind: "Service", name: "web" }] }), ["spec.targetRefs[0].group: Required value"]],
  [
    upstream({ targetRefs: [{ ...SERVICE, name: "Web" }] }),
    [
      "spec.targetRefs[0].name: Invalid value: \"Web\": spec.targetRefs[0].name in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'",
    ],
  ],
  [upstream({ protocol: "h2" }), ['spec.protocol: Unsupported value: "h2": supported values: "http", "https"']],
  [
    upstream({ tls: { serverName: "10.0.0.1" } }),
    ['spec.tls.serverName: Invalid value: "10.0.0.1": must not end in a label of digits only, as addresses do'],
  ],
  [
    upstream({ timeouts: { connect: "5" } }),
    [
      "spec.timeouts.connect: Invalid value: \"5\": spec.timeouts.connect in body should match '^([0-9]{1,5}(h|ms|m|s)){1,4}$'",
    ],
  ],
  [
    route({ timeouts: { response: "25h", idle: "0s" } }),
    [
      'spec.timeouts.response: Invalid value: "25h": must be from 1ms to 24h',
      'spec.timeouts.idle: Invalid value: "0s": must be from 1ms to 24h',
    ],
  ],
  [
    route({ timeouts: { idle: "10000h10000h10000h10000h0" } }),
    [
      "spec.timeouts.idle: Too long: must have at most 24 bytes",
      "spec.timeouts.idle: Invalid value: \"10000h10000h10000h10000h0\": spec.timeouts.idle in body should match '^([0-9]{1,5}(h|ms|m|s)){1,4}$'",
    ],
  ],
  [
    route({ retry: { attempts: 4 } }),
    ["spec.retry.attempts: Invalid value: 4: spec.retry.attempts in body should be less than or equal to 3"],
  ],
  [
    config({ maxBodySize: -1 }),
    ["spec.maxBodySize: Invalid value: -1: spec.maxBodySize in body should be greater than or equal to 0"],
  ],
  [
    config({ maxBodySize: "10MB" }),
    [`spec.maxBodySize: Invalid value: "10MB": spec.maxBodySize in body should match '${BYTE_SIZE_PATTERN.source}'`],
  ],
  [config({ sslRedirect: "true" }), ["spec.sslRedirect: expected boolean, got string"]],
  [config({ maxBodySize: 2 ** 31 }), ["spec.maxBodySize: expected 32-bit integer, got 2147483648"]],
];

test("what is right is accepted, by the schema and by the definition made of it", () => {
  for (const data of ACCEPTED) {
    const validation = validateObject(data);
    assert.equal(validation.outcome, "accepted", JSON.stringify([data, validation]));
    assert.ok(satisfies(data["spec"], specOf(data)), JSON.stringify(data));
  }
});

test("what is wrong is refused in the API server's words, and by the definition as well", () => {
  for (const [data, expected] of REFUSED) {
    const validation = validateObject(data);
    assert.ok(validation.outcome === "refused", JSON.stringify(data));
    assert.deepEqual(
      validation.problems.map(({ path, message }) => `${path.toString()}: ${message}`),
      expected,
    );
    assert.ok(!satisfies(data["spec"], specOf(data)), JSON.stringify(data));
  }
});

test("whatever a spec holds, the schema and its definition agree on it", () => {
  const text = fc.constantFrom(
    "5s",
    "1h1m",
    "0s",
    "25h",
    "",
    "10Mi",
    "1.5G",
    "9999999G",
    "web",
    "Web",
    "a.1",
    "http",
    "5",
  );
  const number = fc.constantFrom(0, 1, 3, 4, -1, 1.5, 2 ** 31);
  const value = fc.oneof(text, number, fc.boolean(), fc.constant({}), fc.constant([]));
  const spec = fc.record(
    {
      targetRefs: fc.array(fc.constantFrom(SERVICE, INGRESS, { ...SERVICE, sectionName: "http" }), { maxLength: 2 }),
      protocol: value,
      tls: fc.record({ serverName: value, caSecretName: value }, { requiredKeys: [] }),
      timeouts: fc.record({ connect: value, response: value }, { requiredKeys: [] }),
      maxBodySize: value,
      retry: fc.oneof(value, fc.record({ attempts: value })),
      sslRedirect: value,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.constantFrom(...CUSTOM_RESOURCES), spec, (resource, data) => {
      const known = Object.fromEntries(
        Object.entries(data).filter(([name]) => specSchemaOf(resource).properties?.[name] !== undefined),
      );
      assert.equal(satisfies(known, specSchemaOf(resource)), resource.spec.safeParse(known).success);
    }),
    { numRuns: 1_000 },
  );
});

test("unknown fields are dropped with the name that was meant", () => {
  const validation = validateObject(route({ timeout: { response: "5s" } }));
  assert.ok(validation.outcome === "accepted");
  assert.deepEqual(
    validation.problems.map(({ severity, message, hint }) => [severity, message, hint]),
    [["warning", 'unknown field "spec.timeout"', 'Did you mean "timeouts"?']],
  );
});

test("a version that does not exist is said to be one", () => {
  const validation = validateObject({ ...route({}), apiVersion: "penstock.dev/v1" });
  assert.ok(validation.outcome === "refused");
  assert.equal(validation.problems[0]?.hint, "Write apiVersion: penstock.dev/v1alpha1.");
});

test("every size that the pattern lets pass can be counted exactly", () => {
  fc.assert(
    fc.property(fc.stringMatching(BYTE_SIZE_PATTERN), (text) => {
      assert.notEqual(parseByteSize(text), null, text);
    }),
    { numRuns: 1_000 },
  );
});

function specOf({ kind }: Data): StructuralSchema {
  const resource = CUSTOM_RESOURCES.find((each) => each.kind === kind);
  assert.ok(resource !== undefined);
  return specSchemaOf(resource);
}

function specSchemaOf(resource: CustomResource): StructuralSchema {
  const { properties = {}, required = [] } = objectSchemaOf(resource);
  assert.equal(required.includes("spec"), resource.isSpecRequired);
  return properties["spec"] as StructuralSchema;
}

/** Reads a structural schema as the API server does; the few rules of CEL are known by their text. */
function satisfies(value: unknown, schema: StructuralSchema): boolean {
  if (value === undefined) return (schema.required ?? []).length === 0;
  const rules = schema["x-kubernetes-validations"] ?? [];
  return hasType(value, schema) && keepsBounds(value, schema) && rules.every(({ rule }) => holds(rule, value));
}

function hasType(value: unknown, { type, ...schema }: StructuralSchema): boolean {
  if (schema["x-kubernetes-int-or-string"] === true) return typeof value === "string" || Number.isInteger(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  return typeof value === type && !Array.isArray(value);
}

function keepsBounds(value: unknown, schema: StructuralSchema): boolean {
  if (typeof value === "string") {
    if (schema.enum !== undefined && !schema.enum.includes(value)) return false;
    return (
      new RegExp(schema.pattern ?? "", "u").test(value) && isWithin(value.length, schema.minLength, schema.maxLength)
    );
  }
  if (typeof value === "number") return isWithin(value, schema.minimum, schema.maximum);
  if (Array.isArray(value)) {
    const { items = {}, maxItems, minItems } = schema;
    return isWithin(value.length, minItems, maxItems) && value.every((item) => satisfies(item, items));
  }
  if (typeof value !== "object" || value === null) return true;
  const { properties = {}, required = [] } = schema;
  return (
    required.every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, part]) => properties[name] !== undefined && satisfies(part, properties[name]))
  );
}

function isWithin(count: number, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): boolean {
  return count >= min && count <= max;
}

function holds(rule: string, value: unknown): boolean {
  if (rule === TIMEOUT_RULE.rule) return TIMEOUT_VALUE.read(String(value)) !== null;
  assert.equal(rule, SERVER_NAME_RULE.rule, "a rule that this test cannot read");
  return !/(^|[.])[0-9]+$/.test(String(value));
}
