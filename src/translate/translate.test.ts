import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { tellWithin } from "../ir/diagnostic.ts";
import type { WorldObjects } from "../source/object-types.ts";
import type { TranslateResult } from "./result.ts";
import { translateEndpoints } from "./translate-endpoints.ts";
import { translate } from "./translate.ts";
import { certificateFile, freeze, objects, OPTIONS, worldOf } from "./worlds.test.ts";
import type { LooseObject } from "./worlds.test.ts";

const WORLD_LISTS = Object.keys(worldOf([]));

function copyOf(loose: readonly LooseObject[]): LooseObject[] {
  return structuredClone(loose) as LooseObject[];
}

test("the order of objects does not matter, not in a single byte", () => {
  const shuffled = objects.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  );
  fc.assert(
    fc.property(shuffled, ([list, other]) => {
      const expected = JSON.stringify(translate(worldOf(list), OPTIONS));
      assert.equal(JSON.stringify(translate(worldOf(other), OPTIONS)), expected);
      // Nothing may hang on what was remembered of the objects either.
      assert.equal(JSON.stringify(translate(worldOf(copyOf(other)), OPTIONS)), expected);
    }),
    { numRuns: 300 },
  );
});

test("the result keeps the contracts of the IR", () => {
  fc.assert(
    fc.property(objects, (list) => {
      const result = translate(worldOf(list), OPTIONS);
      assertSortedAndUnique(result.routeTable.virtualHosts.map(({ host }) => host));
      assertSortedAndUnique(result.routeTable.tlsHosts.map(({ host }) => host));
      assertSortedAndUnique(result.upstreams.map(({ id }) => id));
      assertSortedAndUnique(result.certificates.map(({ id }) => id));
      assertSortedAndUnique(result.endpoints.map(({ upstream }) => upstream));
      assertReferences(result);
      assertFallback(result);
      for (const { routes } of result.routeTable.virtualHosts) {
        const lengths = routes.map(({ path }) => path.value.length);
        assert.deepEqual(
          lengths,
          lengths.toSorted((left, right) => right - left),
        );
        const matches = routes.map(({ path }) => `${path.kind} ${path.value}`);
        assert.equal(new Set(matches).size, matches.length);
      }
    }),
    { numRuns: 300 },
  );
});

test("what is told within a namespace names no object of another one", () => {
  fc.assert(
    fc.property(objects, (list) => {
      for (const diagnostic of translate(worldOf(list), OPTIONS).diagnostics) {
        const { namespace = "" } = diagnostic.object ?? {};
        if (namespace === "") continue;
        const { message, hint, other } = tellWithin(namespace, diagnostic);
        const foreign = namespace === "x" ? /\by\/[abc]\b/ : /\bx\/[abc]\b/;
        assert.doesNotMatch(`${message} ${hint}`, foreign);
        assert.ok(other === undefined || other.reference.namespace === namespace);
      }
    }),
    { numRuns: 300 },
  );
});

test("what is remembered from one world never shows in the next", () => {
  // Worlds that share objects, and lists where nothing in them changed, as a store hands them over.
  const history = objects.chain((list) => fc.tuple(fc.constant(list), fc.array(fc.subarray(list), { maxLength: 4 })));
  fc.assert(
    fc.property(history, objects, ([list, parts], others) => {
      let world = worldOf(list);
      translate(world, OPTIONS);
      for (const part of [...parts, others, list]) {
        const next = worldOf(part);
        const mixed = { ...next, services: world.services, secrets: world.secrets };
        for (const each of [next, mixed]) {
          const before = JSON.stringify(each);
          const result = translate(each, OPTIONS);
          assert.deepEqual(result, translate(structuredClone(each), OPTIONS));
          assert.deepEqual(structuredClone(result), result);
          assert.equal(JSON.stringify(each), before);
        }
        world = next;
      }
      assert.deepEqual(translate(world, { ...OPTIONS, routeDefaults: { ...OPTIONS.routeDefaults, maxAttempts: 1 } }), {
        ...translate(structuredClone(world), {
          ...OPTIONS,
          routeDefaults: { ...OPTIONS.routeDefaults, maxAttempts: 1 },
        }),
      });
    }),
    { numRuns: 40 },
  );
});

test("what did not change stays the same object, so that a change costs what it touches", () => {
  const backend = { service: { name: "web", port: { number: 80 } } };
  const ingress = (name: string, path: string): LooseObject => {
    const rules = [{ host: `${name}.example`, http: { paths: [{ path, pathType: "Prefix", backend }] } }];
    return { kind: "Ingress", metadata: { namespace: "x", name }, spec: { rules } };
  };
  const service = { kind: "Service", metadata: { namespace: "x", name: "web" }, spec: { ports: [{ port: 80 }] } };
  const [one, other] = [ingress("one", "/"), ingress("other", "/")];
  const before = translate(worldOf([one, other, service]), OPTIONS);
  const after = translate(worldOf([one, ingress("other", "/new"), service]), OPTIONS);
  assert.equal(after.routeTable.virtualHosts[0], before.routeTable.virtualHosts[0]);
  assert.notDeepEqual(after.routeTable.virtualHosts[1], before.routeTable.virtualHosts[1]);
  assert.equal(after.upstreams[0], before.upstreams[0]);
  assert.equal(after.endpoints[0], before.endpoints[0]);
});

test("a policy that changes makes only its own targets anew", () => {
  const backend = { service: { name: "web", port: { number: 80 } } };
  const ingress = (name: string): LooseObject => {
    const rules = [{ host: `${name}.example`, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }];
    return { kind: "Ingress", metadata: { namespace: "x", name }, spec: { rules } };
  };
  const policy = (name: string, response: string): LooseObject => {
    const targetRefs = [{ group: "networking.k8s.io", kind: "Ingress", name }];
    const metadata = { namespace: "x", name };
    return { kind: "RoutePolicy", metadata, spec: { targetRefs, timeouts: { response } } };
  };
  const service = { kind: "Service", metadata: { namespace: "x", name: "web" }, spec: { ports: [{ port: 80 }] } };
  const upstreamPolicy = {
    kind: "UpstreamPolicy",
    metadata: { namespace: "x", name: "web" },
    spec: { targetRefs: [{ group: "", kind: "Service", name: "web" }], timeouts: { connect: "1s" } },
  };
  const unchanged = [ingress("one"), ingress("other"), service, policy("one", "1s"), upstreamPolicy];
  const before = translate(worldOf([...unchanged, policy("other", "1s")]), OPTIONS);
  const after = translate(worldOf([...unchanged, policy("other", "2s")]), OPTIONS);
  const [one, other] = after.routeTable.virtualHosts;
  assert.equal(one, before.routeTable.virtualHosts[0]);
  assert.equal(one?.routes[0]?.policy.connectTimeoutMs, 1_000);
  assert.equal(other?.routes[0]?.policy.responseTimeoutMs, 2_000);
  assert.equal(after.upstreams[0], before.upstreams[0]);
});

test("a CA Secret that changes reaches the upstream, named by Ingress or Service", () => {
  const annotations = { "penstock.dev/backend-protocol": "https", "penstock.dev/backend-tls-ca-secret": "ca" };
  const backend = { service: { name: "web", port: { number: 80 } } };
  const spec = { rules: [{ host: "a.example", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }] };
  const metadata = { namespace: "x", name: "web" };
  const secret = (file: string): LooseObject => {
    return { kind: "Secret", metadata: { namespace: "x", name: "ca" }, data: { "ca.crt": certificateFile(file) } };
  };
  for (const [ofIngress, ofService] of [
    [annotations, {}],
    [{}, annotations],
  ] as const) {
    const ingress = { kind: "Ingress", metadata: { ...metadata, annotations: ofIngress }, spec };
    const service = {
      kind: "Service",
      metadata: { ...metadata, annotations: ofService },
      spec: { ports: [{ port: 80 }] },
    };
    const [before] = translate(worldOf([ingress, service, secret("ca.crt")]), OPTIONS).upstreams;
    const [after] = translate(worldOf([ingress, service, secret("shop.crt")]), OPTIONS).upstreams;
    const gone = translate(worldOf([ingress, service]), OPTIONS);
    assert.equal(before?.tls?.caPem, Buffer.from(certificateFile("ca.crt"), "base64").toString());
    assert.equal(after?.tls?.caPem, Buffer.from(certificateFile("shop.crt"), "base64").toString());
    assert.equal(after?.id, before?.id, "the pool keeps its name while its CA rotates");
    assert.deepEqual(gone.upstreams, []);
  }
});

test("a list that can still change is read each time", () => {
  const service = (name: string): LooseObject => ({ kind: "Service", metadata: { namespace: "x", name }, spec: {} });
  const world = { ...worldOf([]), services: [service("web")] as unknown[] } as unknown as WorldObjects;
  translate(world, OPTIONS);
  (world.services as unknown[]).push(service("web_"));
  assert.deepEqual(
    translate(world, OPTIONS).diagnostics.map(({ reason }) => reason),
    ["ObjectNameInvalid"],
  );
});

test("no value in place of any part of an object makes it throw", () => {
  const hostile = objects.chain((list) =>
    fc.tuple(fc.constant(list), fc.array(fc.tuple(fc.nat(), fc.nat(), anything), { minLength: 1, maxLength: 6 })),
  );
  fc.assert(
    fc.property(hostile, ([list, changes]) => {
      const damaged = copyOf(list);
      for (const [which, where, value] of changes) damage(damaged, { which, where }, value);
      translate(worldOf(damaged), OPTIONS);
    }),
    { numRuns: 500 },
  );
});

test("no object of any shape makes it throw, and no list", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anything, { maxLength: 3 }), { minLength: WORLD_LISTS.length, maxLength: WORLD_LISTS.length }),
      anything,
      (lists, list) => {
        const world = Object.fromEntries(WORLD_LISTS.map((name, index) => [name, lists[index]]));
        translate(world as unknown as WorldObjects, OPTIONS);
        translate(
          { ...world, ingresses: list, services: list, routePolicies: list } as unknown as WorldObjects,
          OPTIONS,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("an Ingress of the largest size is bounded and quick", () => {
  const backend = { service: { name: "gone", port: { number: 80 } } };
  const paths = Array.from({ length: 12_000 }, (_, index) => ({ path: `/${index}`, pathType: "Prefix", backend }));
  const hosts = Array.from({ length: 12_000 }, (_, index) => `h${index}.example`);
  const huge = {
    kind: "Ingress",
    metadata: { namespace: "x", name: "huge" },
    spec: {
      rules: [{ host: "shop.example", http: { paths } }, ...hosts.map((host) => ({ host }))],
      tls: [...hosts.map(() => ({ secretName: "shop" })), { hosts, secretName: "shop" }],
      defaultBackend: backend,
    },
  };
  const data = { "tls.crt": certificateFile("shop.crt"), "tls.key": certificateFile("shop.key") };
  const secret = { kind: "Secret", metadata: { namespace: "x", name: "shop" }, type: "Opaque", data };
  const { routeTable, diagnostics } = translate(worldOf([huge, secret]), OPTIONS);
  assert.equal(routeTable.virtualHosts.length, 2);
  assert.equal(routeTable.virtualHosts[1]?.routes.length, 10_001);
  assert.equal(diagnostics.length, 101);
  const reasons = new Set(diagnostics.map(({ reason }) => reason));
  assert.ok(reasons.has("TooManyDiagnostics"), Array.from(reasons).join());
});

test("of one Ingress 200 Secrets count, whether or not there are more, and it says so where the next one is named", () => {
  const data = { "tls.crt": certificateFile("wildcard.crt"), "tls.key": certificateFile("wildcard.key") };
  const secret = (name: string): object => ({ kind: "Secret", metadata: { namespace: "x", name }, data });
  const section = (name: string): object => ({ hosts: [`${name}.shop.example`], secretName: name });
  const names = Array.from({ length: 203 }, (_, index) => `s${index}`);
  const tls = [
    section("s0"),
    { hosts: ["bad.shop.example"], secretName: "Not a name" },
    ...names.map(section),
    section("s199"),
    section("s201"),
  ];
  const ingress = { kind: "Ingress", metadata: { namespace: "x", name: "web" }, spec: { tls } };
  const { certificates, diagnostics } = translate(worldOf([ingress, ...names.map(secret)]), OPTIONS);
  assert.equal(certificates.length, 200);
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  assert.deepEqual(
    errors.map(({ reason, field }) => [reason, field]),
    [
      ["SecretNotFound", "spec.tls[1].secretName"],
      ["TooManySecrets", "spec.tls[202].secretName"],
    ],
  );
});

test("the fallback route is one object wherever it stands, so that clones share it", () => {
  const backend = { service: { name: "web", port: { number: 80 } } };
  const rules = ["a.example", "b.example"].map((host) => ({
    host,
    http: { paths: [{ path: "/x", pathType: "Exact", backend }] },
  }));
  const ingress = {
    kind: "Ingress",
    metadata: { namespace: "x", name: "web" },
    spec: { rules, defaultBackend: backend },
  };
  const routes = translate(worldOf([ingress]), OPTIONS).routeTable.virtualHosts.map((host) => host.routes.at(-1));
  assert.equal(routes.length, 3);
  assert.equal(new Set(routes).size, 1);
  assert.deepEqual(routes[0]?.source, {
    object: { kind: "Ingress", namespace: "x", name: "web" },
    field: "spec.defaultBackend",
  });
});

test("key material is in the IR, and in no text made of it", () => {
  const data = {
    "tls.crt": certificateFile("shop.crt") + certificateFile("shop.key"),
    "tls.key": certificateFile("shop.key"),
  };
  const pem = Buffer.from(data["tls.key"], "base64").toString();
  // A file with certificate and key in one is common; the chain must not carry the key along.
  const both = Buffer.concat([Buffer.from(certificateFile("shop.crt"), "base64"), Buffer.from(pem)]).toString("base64");
  const secret = {
    kind: "Secret",
    metadata: { namespace: "x", name: "shop" },
    type: "kubernetes.io/tls",
    data: { ...data, "tls.crt": both },
  };
  const result = translate(worldOf([secret]), {
    ...OPTIONS,
    defaultCertificate: { namespace: "x", name: "shop" },
  });
  const [certificate] = result.certificates;
  assert.equal(Buffer.from(certificate?.key.bytes ?? new ArrayBuffer()).toString(), pem);
  assert.ok(!JSON.stringify(result).includes("PRIVATE KEY"));
});

test("a name like one of Object's own is only a name", () => {
  const backend = { service: { name: "constructor", port: { name: "valueof" } } };
  const rules = [{ host: "constructor", http: { paths: [{ path: "/__proto__", pathType: "Exact", backend }] } }];
  const metadata = { namespace: "tostring", name: "constructor" };
  const result = translate(worldOf([{ kind: "Ingress", metadata, spec: { rules } }]), OPTIONS);
  assert.deepEqual(result.routeTable.virtualHosts[0]?.routes[0]?.action, { kind: "respond", status: 503 });
  assert.deepEqual(
    result.diagnostics.map(({ reason }) => reason),
    ["ServiceNotFound"],
  );
});

const anything: fc.Arbitrary<unknown> = fc
  .anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true })
  .map(freezeIfPlain);

/** Maps and typed arrays take no freezing; they stay as they are. */
function freezeIfPlain(value: unknown): unknown {
  try {
    return freeze(value);
  } catch {
    return value;
  }
}

/** Puts a value in the place of some part of some object. */
function damage(list: LooseObject[], { which, where }: { which: number; where: number }, value: unknown): void {
  let current: Record<string, unknown> | undefined = list[which % Math.max(1, list.length)];
  let step = where;
  while (current !== undefined && !Object.isFrozen(current)) {
    const keys = Object.keys(current).filter((key) => key !== "kind");
    const key = keys[step % Math.max(1, keys.length)];
    if (key === undefined) return;
    step = Math.floor(step / 3) + 1;
    const next = current[key];
    if (typeof next !== "object" || next === null || step % 4 === 0) {
      current[key] = value;
      return;
    }
    current = next as Record<string, unknown>;
  }
}

function assertSortedAndUnique(texts: readonly string[]): void {
  for (const [index, text] of texts.entries()) if (index > 0) assert.ok((texts[index - 1] as string) < text, text);
}

function assertReferences(result: TranslateResult): void {
  const upstreams = new Set(result.upstreams.map(({ id }) => id));
  const used = new Set<string>();
  for (const { action } of result.routeTable.virtualHosts.flatMap(({ routes }) => routes)) {
    if (action.kind === "forward") for (const { upstream } of action.upstreams) used.add(upstream);
  }
  assert.deepEqual(used, upstreams);
  const resolved = result.upstreams.filter(({ dnsName }) => dnsName !== null).map(({ id }) => id);
  assert.deepEqual(new Set(result.endpoints.map(({ upstream }) => upstream)), upstreams.difference(new Set(resolved)));
  for (const { protocol, tls } of result.upstreams) assert.equal(protocol === "https", tls !== null);
  const certificates = new Set(result.certificates.map(({ id }) => id));
  const named = new Set(result.routeTable.tlsHosts.map(({ certificate }) => certificate));
  named.delete(null);
  assert.deepEqual(certificates, named);
}

/** Where there is a default backend at all, no host is without a last route. */
function assertFallback({ routeTable }: TranslateResult): void {
  const hosts = routeTable.virtualHosts;
  if (!hosts.some(({ routes }) => routes.some(({ id }) => id.endsWith("/default-backend")))) return;
  assert.equal(hosts[0]?.host, "");
  for (const { routes } of hosts) assert.deepEqual(routes.at(-1)?.path, { kind: "prefix", value: "/" });
}

test("the same objects under two rules about loopback mean what each rule says, in either order", () => {
  const path = (name: string): object => {
    return { path: `/${name}`, pathType: "Prefix", backend: { service: { name, port: { number: 80 } } } };
  };
  const build = (): WorldObjects =>
    worldOf([
      {
        kind: "Ingress",
        metadata: { namespace: "x", name: "web" },
        spec: { rules: [{ host: "a.test", http: { paths: [path("named"), path("external"), path("slices")] } }] },
      },
      ...["localhost", "127.0.0.1"].map((externalName, index) => ({
        kind: "Service",
        metadata: { namespace: "x", name: ["named", "external"][index] },
        spec: { type: "ExternalName", externalName },
      })),
      { kind: "Service", metadata: { namespace: "x", name: "slices" }, spec: { ports: [{ port: 80 }] } },
      {
        kind: "EndpointSlice",
        metadata: { namespace: "x", name: "slices-1", labels: { "kubernetes.io/service-name": "slices" } },
        addressType: "IPv4",
        ports: [{ port: 80 }],
        endpoints: [{ addresses: ["127.0.0.1"] }],
      },
    ]);
  const summarize = ({ upstreams, endpoints }: TranslateResult): unknown => {
    return [upstreams.map(({ id }) => id), endpoints.map((set) => set.endpoints.map(({ address }) => address))];
  };
  const served = [
    ["x/external/80", "x/named/80", "x/slices/80"],
    [["127.0.0.1"], ["127.0.0.1"]],
  ];
  const refused = [["x/slices/80"], [[]]];
  for (const rules of [
    ["serve-loopback", "refuse-loopback", "serve-loopback"],
    ["refuse-loopback", "serve-loopback", "refuse-loopback"],
  ] as const) {
    const world = build();
    for (const loopback of rules) {
      const expected = loopback === "serve-loopback" ? served : refused;
      const options = { ...OPTIONS, loopback };
      const result = translate(world, options);
      assert.deepEqual(summarize(result), expected);
      const services = ["named", "external", "slices"].map((name) => ({ namespace: "x", name }));
      assert.deepEqual(summarize(translateEndpoints(result, world, services, options).result), expected);
    }
  }
});
