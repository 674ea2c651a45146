import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isDnsName } from "../../lib/dns-name.ts";
import {
  dataKeyErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  fullyQualifiedNameErrors,
  labelValueErrors,
  pathSegmentErrors,
  portNameErrors,
  portNumberErrors,
  qualifiedNameErrors,
  wildcardSubdomainErrors,
} from "./name-rules.ts";

type Rule = (value: string) => readonly string[];

const LONG = "a".repeat(64);

const ACCEPTED: readonly (readonly [string, Rule, readonly string[]])[] = [
  ["label", dnsLabelErrors, ["a", "web-1", "1web", "a".repeat(63)]],
  ["subdomain", dnsSubdomainErrors, ["a", "shop.example", "a-b.c-d", "1.2.3.4", LONG]],
  ["wildcard", wildcardSubdomainErrors, ["*.shop.example", "*.a"]],
  ["qualified name", qualifiedNameErrors, ["a", "A_b.c-d", "example.com/Name", "kubernetes.io/ws"]],
  ["label value", labelValueErrors, ["", "a", "v1.2_3-x"]],
  ["data key", dataKeyErrors, ["tls.crt", ".hidden", "_a-b", "UPPER"]],
  ["port name", portNameErrors, ["http", "http-2", "8a", "a".repeat(15)]],
  ["fully qualified name", fullyQualifiedNameErrors, ["a.b", "a.b."]],
  ["path segment", pathSegmentErrors, ["Bucket", "a b", "..."]],
];

for (const [name, rule, values] of ACCEPTED) {
  test(`a ${name} may be ${values.map((value) => JSON.stringify(value.slice(0, 20))).join(", ")}`, () => {
    for (const value of values) assert.deepEqual(rule(value), [], value);
  });
}

const REFUSED: readonly (readonly [string, Rule, string, RegExp])[] = [
  ["label", dnsLabelErrors, "", /^a lowercase RFC 1123 label must consist/],
  [
    "label",
    dnsLabelErrors,
    "Web",
    /^a lowercase RFC 1123 label must consist of lower case .*\(e\.g\. 'my-name', {2}or/,
  ],
  ["label", dnsLabelErrors, "a.b", /^must not contain dots$/],
  ["label", dnsLabelErrors, LONG, /^must be no more than 63 bytes$/],
  ["label", dnsLabelErrors, "a\n", /^a lowercase RFC 1123 label/],
  ["subdomain", dnsSubdomainErrors, "-a", /^a lowercase RFC 1123 subdomain must consist/],
  ["subdomain", dnsSubdomainErrors, "a..b", /^a lowercase RFC 1123 subdomain/],
  ["subdomain", dnsSubdomainErrors, "a.", /^a lowercase RFC 1123 subdomain/],
  ["subdomain", dnsSubdomainErrors, "a:80", /^a lowercase RFC 1123 subdomain/],
  ["subdomain", dnsSubdomainErrors, "bücher.example", /^a lowercase RFC 1123 subdomain/],
  ["subdomain", dnsSubdomainErrors, "a.".repeat(127), /^must be no more than 253 bytes$/],
  ["wildcard", wildcardSubdomainErrors, "*", /^a wildcard DNS-1123 subdomain must start with '\*\.'/],
  ["wildcard", wildcardSubdomainErrors, "*.*.a", /^a wildcard DNS-1123 subdomain/],
  ["wildcard", wildcardSubdomainErrors, "a*.b", /^a wildcard DNS-1123 subdomain/],
  ["qualified name", qualifiedNameErrors, "", /^name part must be non-empty$/],
  ["qualified name", qualifiedNameErrors, "/a", /^prefix part must be non-empty$/],
  ["qualified name", qualifiedNameErrors, "A/b", /^prefix part a lowercase RFC 1123 subdomain/],
  [
    "qualified name",
    qualifiedNameErrors,
    "a/b/c",
    /^a valid label key must consist .* with an optional DNS subdomain prefix/,
  ],
  ["qualified name", qualifiedNameErrors, LONG, /^name part must be no more than 63 bytes$/],
  ["label value", labelValueErrors, "-a", /^a valid label must be an empty string or consist/],
  ["data key", dataKeyErrors, "a/b", /^a valid config key must consist/],
  ["data key", dataKeyErrors, "..", /^must not be '\.\.'$/],
  ["data key", dataKeyErrors, "..data", /^must not start with '\.\.'$/],
  ["port name", portNameErrors, "80", /^must contain at least one letter \(a-z\)$/],
  ["port name", portNameErrors, "HTTP", /^must contain only alpha-numeric characters/],
  ["port name", portNameErrors, "a--b", /^must not contain consecutive hyphens$/],
  ["port name", portNameErrors, "-a", /^must not begin or end with a hyphen$/],
  ["port name", portNameErrors, "a".repeat(16), /^must be no more than 15 bytes$/],
  ["fully qualified name", fullyQualifiedNameErrors, "a", /^should be a domain with at least two segments/],
  ["fully qualified name", fullyQualifiedNameErrors, `${LONG}.b`, /^must be no more than 63 bytes$/],
  ["path segment", pathSegmentErrors, "a/b", /^may not contain '\/'$/],
  ["path segment", pathSegmentErrors, "..", /^may not be '\.\.'$/],
];

for (const [name, rule, value, expected] of REFUSED) {
  test(`a ${name} may not be ${JSON.stringify(value.slice(0, 20))}`, () => {
    const errors = rule(value);
    assert.ok(
      errors.some((error) => expected.test(error)),
      `${JSON.stringify(errors)} has no ${expected}`,
    );
  });
}

test("ports go from 1 to 65535", () => {
  assert.deepEqual([0, 1, 65_535, 65_536].map(portNumberErrors), [
    ["must be between 1 and 65535, inclusive"],
    [],
    [],
    ["must be between 1 and 65535, inclusive"],
  ]);
});

test("whatever DNS itself takes for a name is a subdomain", () => {
  const nameLike = fc.string({ unit: fc.constantFrom("a", "0", "-", ".", "A", "_"), maxLength: 12 });
  fc.assert(
    fc.property(nameLike, (value) => {
      assert.equal(dnsSubdomainErrors(value).length === 0, isDnsName(value));
    }),
  );
});

test("a megabyte of nearly right characters is judged at once", () => {
  const started = process.cpuUsage();
  for (const rule of [dnsLabelErrors, dnsSubdomainErrors, qualifiedNameErrors, labelValueErrors, portNameErrors]) {
    assert.notDeepEqual(rule(`${"a-".repeat(500_000)}!`), []);
  }
  assert.ok(process.cpuUsage(started).user < 4_000_000);
});
