// The smaller world gives the same answers about an object as the whole world does.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { WorldObjects } from "../source/object-types.ts";
import { translate } from "../translate/translate.ts";
import { objects, OPTIONS, worldOf } from "../translate/worlds.test.ts";
import { isForeignIngress, isJudged, referenceOf, worldOfChange } from "./world-of-change.ts";
import type { JudgedObject } from "./world-of-change.ts";

/** Translated as on a fresh start, so that nothing remembered hides a difference. */
function diagnosticsOf(world: WorldObjects): readonly Diagnostic[] {
  return translate(structuredClone(world), OPTIONS).diagnostics;
}

function texts(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.map((diagnostic) => JSON.stringify(diagnostic));
}

function isOn(object: JudgedObject): (diagnostic: Diagnostic) => boolean {
  const reference = JSON.stringify(referenceOf(object));
  return (diagnostic) => JSON.stringify(diagnostic.object) === reference;
}

/** Of Ingress objects other than this one. */
function newOnIngresses(
  object: JudgedObject,
  after: readonly Diagnostic[],
  without: readonly Diagnostic[],
): readonly string[] {
  const before = new Set(texts(without));
  const others = after.filter((diagnostic) => diagnostic.object?.kind === "Ingress" && !isOn(object)(diagnostic));
  return texts(others).filter((text) => !before.has(text));
}

const policyMetadata = fc.record({
  name: fc.constantFrom("p", "q", "r"),
  namespace: fc.constantFrom("x", "y"),
  creationTimestamp: fc.constantFrom("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
});

function targetsOf(group: string, kind: string, sections: readonly (string | undefined)[]): fc.Arbitrary<object[]> {
  const target = fc.record({
    group: fc.constant(group),
    kind: fc.constant(kind),
    name: fc.constantFrom("a", "b", "c", "d"),
    sectionName: fc.constantFrom(...sections),
  });
  return fc.array(target, { minLength: 1, maxLength: 3 });
}

const routePolicy = fc.record({
  kind: fc.constant("RoutePolicy"),
  metadata: policyMetadata,
  spec: fc.record({
    targetRefs: targetsOf("networking.k8s.io", "Ingress", [undefined]),
    maxBodySize: fc.constantFrom("1Mi", "much"),
  }),
});

const upstreamPolicy = fc.record({
  kind: fc.constant("UpstreamPolicy"),
  metadata: policyMetadata,
  spec: fc.record({
    targetRefs: targetsOf("", "Service", [undefined, "http", "other"]),
    protocol: fc.constantFrom(undefined, "http", "https"),
    tls: fc.constantFrom(undefined, { serverName: "a.example" }, { caSecretName: "a" }),
  }),
});

const policies = fc.tuple(
  fc.array(routePolicy, { maxLength: 3 }),
  fc.array(upstreamPolicy, { maxLength: 3 }),
) as fc.Arbitrary<object[][]>;

/** Objects that each have a name of their own, as the store has them. */
const worlds = fc.tuple(objects, policies).map(([list, lists]) => {
  const unique = new Map(
    [...list, ...lists.flat()].map((loose) => {
      const { kind, metadata } = loose as { kind: string; metadata: { namespace: string; name: string } };
      return [`${kind}/${metadata.namespace}/${metadata.name}`, loose];
    }),
  );
  return worldOf(Array.from(unique.values()));
});

function replaceIn(world: WorldObjects, object: JudgedObject): { after: WorldObjects; without: WorldObjects } {
  const list = LISTS[object.kind];
  const others = (world[list] as readonly object[]).filter((other) => other !== object);
  return { after: { ...world, [list]: [...others, object] }, without: { ...world, [list]: others } };
}

const LISTS = {
  Ingress: "ingresses",
  UpstreamPolicy: "upstreamPolicies",
  RoutePolicy: "routePolicies",
  ProxyConfig: "proxyConfigs",
} as const;

describe("the world in which a change is judged", () => {
  it("gives the diagnostics of the object, and those that it causes on other Ingress objects, of the whole world", () => {
    const judged = new Map<string, number>();
    fc.assert(
      fc.property(worlds, fc.nat(), (world, choice) => {
        const candidates = [...world.ingresses, ...world.routePolicies, ...world.upstreamPolicies];
        const object = candidates[choice % Math.max(1, candidates.length)];
        if (object === undefined || (object.kind === "Ingress" && isForeignIngress(object, world, OPTIONS))) return;
        judged.set(object.kind, (judged.get(object.kind) ?? 0) + 1);
        const whole = replaceIn(world, object);
        const small = worldOfChange(object, world, OPTIONS);
        const [wholeAfter, smallAfter] = [diagnosticsOf(whole.after), diagnosticsOf(small.after)];
        const [wholeWithout, smallWithout] = [diagnosticsOf(whole.without), diagnosticsOf(small.without)];
        assert.deepEqual(texts(smallAfter.filter(isOn(object))), texts(wholeAfter.filter(isOn(object))));
        assert.deepEqual(
          newOnIngresses(object, smallAfter, smallWithout),
          newOnIngresses(object, wholeAfter, wholeWithout),
        );
        if (object.kind !== "Ingress") return;
        // About Services and endpoints it may repeat what is known, and never makes anything up.
        const everything = new Set(texts(wholeAfter));
        const before = new Set(texts(smallWithout));
        for (const text of texts(smallAfter)) if (!before.has(text)) assert.ok(everything.has(text), text);
      }),
      { numRuns: 700 },
    );
    for (const kind of ["Ingress", "RoutePolicy", "UpstreamPolicy"]) assert.ok((judged.get(kind) ?? 0) > 40, kind);
  });

  it("leaves out what has nothing to do with the object", () => {
    const world = worldOf(
      ["a", "b", "c"].map((name) => ({
        kind: "Ingress",
        metadata: { name, namespace: "x" },
        spec: { rules: [{ host: `${name}.example`, http: { paths: [] } }] },
      })),
    );
    const [object] = world.ingresses;
    assert.ok(object !== undefined && isJudged(object));
    const { after, without } = worldOfChange(object, world, OPTIONS);
    assert.deepEqual(after.ingresses, [object]);
    assert.deepEqual(without.ingresses, []);
    // What translation remembers hangs on the lists themselves.
    assert.equal(after.services, world.services);
    assert.equal(after.secrets, world.secrets);
    assert.equal(after.endpointSlices, world.endpointSlices);
  });

  it("holds whoever asks for a certificate for the same name, whatever its rules are", () => {
    const tlsFor = (name: string, host: string): object => ({
      kind: "Ingress",
      metadata: { name, namespace: "x" },
      spec: { rules: [{ host: `${name}.example`, http: { paths: [] } }], tls: [{ hosts: [host], secretName: name }] },
    });
    const world = worldOf([tlsFor("a", "shop.example"), tlsFor("b", "SHOP.example"), tlsFor("c", "a.example")]);
    for (const object of world.ingresses) {
      const names = worldOfChange(object, world, OPTIONS).after.ingresses.map(({ metadata: { name } }) => name);
      const expected = object.metadata.name === "a" ? ["a", "b", "c"] : ["a", object.metadata.name];
      assert.deepEqual(names.toSorted(), expected);
    }
  });

  it("leaves all of them out, and says so, where more have to do with the object than can be judged in a moment", () => {
    const rules = [{ host: "one.example", http: { paths: [] } }];
    const world = worldOf(
      Array.from({ length: 1_002 }, (_, index) => ({
        kind: "Ingress",
        metadata: { name: `i-${index}`, namespace: "x" },
        spec: { rules },
      })),
    );
    const [object] = world.ingresses;
    assert.ok(object !== undefined);
    const { after, isWhole } = worldOfChange(object, world, OPTIONS);
    assert.equal(isWhole, false);
    assert.deepEqual(after.ingresses, [object]);
  });
});
