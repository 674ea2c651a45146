// Each testdata/<behaviour>.in.yaml is a world, and <behaviour>.out.yaml is what it means. `UPDATE_GOLDENS=1` before the
// test command rewrites the latter; read the difference before you commit it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import test from "node:test";
import { isMap, parseAllDocuments, stringify, visit } from "yaml";
import type { ScalarTag } from "yaml";
import { tellWithin } from "../ir/diagnostic.ts";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { formatName } from "../ir/names.ts";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import type { Route, RoutePolicy, WeightedUpstream } from "../ir/route-table.ts";
import type { Endpoint, Upstream } from "../ir/upstream.ts";
import type { WorldObjects } from "../source/object-types.ts";
import type { TranslateOptions, TranslateResult } from "./result.ts";
import { translate } from "./translate.ts";
import { freeze, OPTIONS, worldOf } from "./worlds.test.ts";

const TESTDATA = join(import.meta.dirname, "testdata");
const MAX_LINES = 80;
const isUpdating = process.env["UPDATE_GOLDENS"] === "1";

interface Preamble {
  /** Over the options of a stand-alone proxy. */
  readonly options?: Partial<TranslateOptions>;
  /** Each is a Service of the namespace `shop` with port 80 and one ready endpoint. */
  readonly backends?: readonly string[];
}

const names = readdirSync(TESTDATA).filter((file) => file.endsWith(".yaml"));
const inputs = names.filter((file) => file.endsWith(".in.yaml"));

for (const input of inputs) {
  const behaviour = basename(input, ".in.yaml");
  test(`golden: ${behaviour}`, () => {
    const text = readFileSync(join(TESTDATA, input), "utf8");
    const { options, objects } = readInput(text);
    const output = render(translate(objects, options));
    assert.equal(render(translate(reversed(objects), options)), output, "the order of objects must not matter");

    const outputFile = join(TESTDATA, `${behaviour}.out.yaml`);
    if (isUpdating) writeFileSync(outputFile, output);
    const expected = names.includes(basename(outputFile)) || isUpdating ? readFileSync(outputFile, "utf8") : "";
    assert.equal(
      output,
      expected,
      `${basename(outputFile)} is stale: run with UPDATE_GOLDENS=1 and read the difference`,
    );
    const lineCounts = [text, output].map((part) => part.split("\n").length);
    assert.ok(Math.max(...lineCounts) <= MAX_LINES, `${behaviour} is too long to read`);
  });
}

test("golden: every output has its input", () => {
  const orphans = names.filter((file) => !file.endsWith(".in.yaml") && !inputs.includes(file.replace(".out.", ".in.")));
  if (isUpdating) for (const orphan of orphans) rmSync(join(TESTDATA, orphan));
  assert.deepEqual(isUpdating ? [] : orphans, []);
  assert.ok(inputs.length > 50, "the goldens are gone");
});

/** `!file NAME` stands for the base64 of testdata/certificates/NAME; several names are put one after the other. */
const fileTag: ScalarTag = {
  tag: "!file",
  resolve: (value: string) =>
    Buffer.concat(value.split(" ").map((file) => readFileSync(join(TESTDATA, "certificates", file)))).toString(
      "base64",
    ),
};

function readInput(text: string): { options: TranslateOptions; objects: WorldObjects } {
  const documents = parseAllDocuments(text, { customTags: [fileTag] });
  assert.ok(Array.isArray(documents), "the input is empty");
  for (const document of documents) assert.deepEqual(document.errors, []);
  const values = documents.map((document) => document.toJS() as Record<string, unknown>);
  const preamble: Preamble = values[0]?.["kind"] === undefined ? (values.shift() as Preamble) : {};
  const backends = (preamble.backends ?? []).flatMap(makeBackend);
  const options: TranslateOptions = { ...OPTIONS, ...preamble.options };
  return { options, objects: worldOf([...values, ...backends]) };
}

function makeBackend(name: string, index: number): readonly Record<string, unknown>[] {
  const metadata = { namespace: "shop", name };
  const labels = { "kubernetes.io/service-name": name };
  return [
    { apiVersion: "v1", kind: "Service", metadata, spec: { clusterIP: "10.96.0.1", ports: [{ port: 80 }] } },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels },
      addressType: "IPv4",
      ports: [{ port: 8080 }],
      endpoints: [{ addresses: [`10.0.0.${index + 1}`] }],
    },
  ].map(freeze);
}

function showDiagnostic(diagnostic: Diagnostic): object {
  const { severity, reason, object, field, message, hint } = diagnostic;
  const { message: told } = tellWithin(object?.namespace ?? "", diagnostic);
  return {
    [`${severity} ${reason}`]: `${object === null ? "?" : `${object.kind} ${formatName(object)}`} ${field}`.trim(),
    message,
    ...(told === message ? {} : { "told in its namespace": told }),
    ...(hint === "" ? {} : { hint }),
  };
}

function reversed(objects: WorldObjects): WorldObjects {
  const entries = Object.entries(objects).map(([kind, list]) => [kind, (list as readonly object[]).toReversed()]);
  return Object.fromEntries(entries) as WorldObjects;
}

/** What a person wants to see: what has its default value is left out. */
function render(result: TranslateResult): string {
  const { routeTable } = result;
  const shown = {
    virtualHosts: Object.fromEntries(routeTable.virtualHosts.map(({ host, routes }) => [host, routes.map(showRoute)])),
    tlsHosts: Object.fromEntries(routeTable.tlsHosts.map(({ host, certificate }) => [host, certificate])),
    certificates: result.certificates.map(({ id, dnsNames, chainPem }) => {
      return { id, dnsNames, chainLength: countCertificates(chainPem) };
    }),
    defaultCertificate: result.defaultCertificate,
    upstreams: result.upstreams.map(showUpstream),
    endpoints: Object.fromEntries(
      result.endpoints.map(({ upstream, endpoints }) => [upstream, endpoints.map(showEndpoint)]),
    ),
    statuses: result.statuses.map(({ ingress }) => formatName(ingress)),
    diagnostics: result.diagnostics.map(showDiagnostic),
  };
  const present = Object.entries(shown).filter(([, value]) => value !== null && Object.keys(value).length > 0);
  const [document] = parseAllDocuments(stringify(Object.fromEntries(present)));
  assert.ok(document !== undefined && "contents" in document);
  visit(document, {
    Map(key, node, path) {
      // Maps within a list, but for diagnostics, stand on a line each.
      const isInList = path.length >= 4 && !path.some((parent) => isMap(parent) && parent.has("message"));
      if (isInList && typeof key === "number" && !node.has("message")) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 120 });
}

function showRoute(route: Route): Record<string, unknown> {
  const { action, path, policy, id } = route;
  const target = action.kind === "respond" ? { respond: action.status } : { forward: showUpstreams(action.upstreams) };
  const changed = (Object.keys(policy) as (keyof RoutePolicy)[]).filter(
    (key) => policy[key] !== DEFAULT_ROUTE_POLICY[key],
  );
  const shown = Object.fromEntries(changed.map((key) => [key, policy[key]]));
  return { [path.kind]: path.value, ...target, id, ...(changed.length > 0 ? { policy: shown } : {}) };
}

function showUpstreams(upstreams: readonly WeightedUpstream[]): string {
  return upstreams.map(({ upstream, weight }) => (weight === 1 ? upstream : `${upstream} weight=${weight}`)).join(", ");
}

function showUpstream({ id, protocol, tls, dnsName }: Upstream): Record<string, unknown> {
  return {
    id,
    ...(protocol === "http" ? {} : { protocol }),
    ...(tls === null
      ? {}
      : { serverName: tls.serverName, ca: tls.caPem === null ? "system" : countCertificates(tls.caPem) }),
    ...(dnsName === null ? {} : { dnsName: `${dnsName.host}:${dnsName.port}` }),
  };
}

function showEndpoint({ address, port, weight, ready, serving, terminating, zone, forZones, node }: Endpoint): string {
  const facts = [
    ...(weight === 1 ? [] : [`weight=${weight}`]),
    ...(ready ? [] : ["not-ready"]),
    ...(serving === ready ? [] : [serving ? "serving" : "not-serving"]),
    ...(terminating ? ["terminating"] : []),
    ...(zone === null ? [] : [`zone=${zone}`]),
    ...(forZones.length === 0 ? [] : [`for-zones=${forZones.join("+")}`]),
    ...(node === null ? [] : [`node=${node}`]),
  ];
  return [address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`, ...facts].join(" ");
}

function countCertificates(pem: string): number {
  return pem.split("BEGIN CERTIFICATE").length - 1;
}
