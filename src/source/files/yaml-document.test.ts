import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { DocumentError } from "./parsed-document.ts";
import { DEFAULT_READ_LIMITS } from "./read-limits.ts";
import { parseYamlDocument } from "./yaml-document.ts";

function valueOf(text: string): unknown {
  return parseYamlDocument(text, DEFAULT_READ_LIMITS).value;
}

function refusal(text: string, limits: Partial<typeof DEFAULT_READ_LIMITS> = {}): DocumentError {
  try {
    parseYamlDocument(text, { ...DEFAULT_READ_LIMITS, ...limits });
  } catch (error) {
    assert.ok(error instanceof DocumentError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "the text was accepted" });
}

test("values are those that kubectl would send", () => {
  assert.deepEqual(valueOf("{s: text, n: 80, f: 1.5, t: true, z: null, e: , q: '80', d: 2026-01-31, l: [a, [b]]}"), {
    s: "text",
    n: 80,
    f: 1.5,
    t: true,
    z: null,
    e: null,
    q: "80",
    d: "2026-01-31",
    l: ["a", ["b"]],
  });
});

test("the booleans of YAML 1.1 are booleans, unless they are quoted", () => {
  assert.deepEqual(valueOf("[yes, Off, y, N, 'yes', \"on\", !!str no, yesterday]"), [
    true,
    false,
    true,
    false,
    "yes",
    "on",
    "no",
    "yesterday",
  ]);
});

test("keys are strings, whatever they look like", () => {
  assert.deepEqual(valueOf("80: a\ntrue: b\n'c': d\n"), { 80: "a", true: "b", c: "d" });
});

test("aliases share what they stand for, and merge keys lend fields", () => {
  assert.deepEqual(valueOf("base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\nagain: *base\n"), {
    base: { a: 1, b: 2 },
    use: { a: 1, b: 3 },
    again: { a: 1, b: 2 },
  });
  assert.deepEqual(valueOf("x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y]}\n"), {
    x: { a: 1 },
    y: { a: 2, b: 2 },
    z: { a: 1, b: 2 },
  });
});

test("an anchor that is set twice means the nearest one before", () => {
  assert.deepEqual(valueOf("[&a 1, *a, &a 2, *a]"), [1, 1, 2, 2]);
});

test("a key that every object has is a key like any other", () => {
  const value = valueOf("__proto__: {polluted: true}\nconstructor: x\n") as object;
  assert.deepEqual(Object.keys(value), ["__proto__", "constructor"]);
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test("a directive cannot bring in dates and sets", () => {
  assert.deepEqual(valueOf("%YAML 1.1\n---\nd: 2001-12-14\n"), { d: "2001-12-14" });
});

const REFUSED: readonly (readonly [string, string, number, RegExp, RegExp])[] = [
  ["a colon in a value", "a: 1\nb: c: d\n", 2, /Nested mappings/, /in quotes/],
  ["a tab as indent", "a:\n\tb: c\n", 2, /[Tt]ab/, /spaces/],
  ["bad indent", "a:\n    b: 1\n  c: 2\n", 3, /./, /./],
  ["an open quote", "a: 'b\n\n", 1, /[Mm]issing closing/, /./],
  ["an unknown tag", "a: !secret b\n", 1, /tag/, /Leave the tag out/],
  ["an unknown alias", "a: 1\nb: *c\n", 2, /the alias \*c has no anchor before it/, /^$/],
  ["an alias of what it stands in", "a: &a [*a]\n", 1, /the alias \*a has no anchor before it/, /^$/],
  ["a list as key", "? [a]\n: b\n", 1, /./, /./],
  ["a merge of no mapping", "a: {<<: 1}\n", 1, /map merge requires/, /^$/],
  ["a template", "a: {{ .Values.x }}\n", 1, /./, /Render the template first/],
];

for (const [name, text, line, message, hint] of REFUSED) {
  test(`refused with its line: ${name}`, () => {
    const error = refusal(text);
    assert.equal(error.line, line);
    assert.match(error.message, message);
    assert.match(error.hint, hint);
    assert.equal(error.message.includes("\n"), false);
  });
}

test("no error shows what is in the document", () => {
  for (const text of [
    "key: hunter2: x",
    "key: 'hunter2",
    "key: [hunter2",
    "hunter2\nkey: x",
    "%hunter2\n--- x: y: z",
    "@hunter2",
  ]) {
    const { message, hint } = refusal(text);
    assert.equal(`${message}${hint}`.includes("hunter2"), false, `${text} → ${message}`);
  }
});

test("twice the same key: the first counts, the second is known by its line", () => {
  const document = parseYamlDocument("a:\n  - b: 1\n    c: 2\n    b: 3\n", DEFAULT_READ_LIMITS);
  assert.deepEqual(document.value, { a: [{ b: 1, c: 2 }] });
  assert.deepEqual(document.duplicateKeys, [{ path: ["a", 0], key: "b", line: 4 }]);
});

test("lines are found by path, and for what is missing those of what is around it", () => {
  const text =
    "# head\nspec:\n  rules:\n    - host: a\n      http:\n        paths:\n          - path: /\n    - host: b\n";
  const { lineOf } = parseYamlDocument(text, DEFAULT_READ_LIMITS);
  assert.equal(lineOf([]), 2);
  assert.equal(lineOf(["spec", "rules", 1, "host"]), 8);
  assert.equal(lineOf(["spec", "rules", 0, "http", "paths", 0, "pathType"]), 7);
  assert.equal(lineOf(["spec", "rules", 7]), 3);
  assert.equal(lineOf(["metadata", "name"]), 2);
  assert.equal(lineOf(["spec", "rules", 0, "host", "deeper"]), 4);
});

test("lines behind an alias are those of what it stands for", () => {
  const { lineOf } = parseYamlDocument("a: &a\n  b: 1\nc: *a\n", DEFAULT_READ_LIMITS);
  assert.equal(lineOf(["c", "b"]), 2);
});

test("aliases that stand for aliases cannot explode", () => {
  const levels = Array.from("bcdefghij").map(
    (name, level) => `${name}: &${name} [${Array(10).fill(`*${"abcdefghi"[level]}`).join(",")}]`,
  );
  const error = refusal(["a: &a [x,x,x,x,x,x,x,x,x,x]", ...levels].join("\n"));
  assert.equal(error.reason, "DocumentTooLarge");
});

test("depth and tokens are bounded", () => {
  for (const text of ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(100_000)]) {
    assert.equal(refusal(text).reason, "DocumentTooDeep", text.slice(0, 4));
  }
  assert.equal(refusal(`${"[".repeat(70)}${"]".repeat(70)}`).reason, "DocumentTooDeep");
  assert.equal(refusal("[a, b, c]", { maxYamlTokens: 5 }).reason, "DocumentTooLarge");
  assert.doesNotThrow(() => valueOf(`${"[".repeat(60)}${"]".repeat(60)}`));
});

test("many keys take time in proportion", () => {
  const text = Array.from({ length: 50_000 }, (_, position) => `k${position}: 1\n`).join("");
  const started = process.cpuUsage();
  assert.equal(Object.keys(valueOf(text) as object).length, 50_000);
  // The library's own comparison of every key with every other takes minutes.
  assert.ok(process.cpuUsage(started).user < 10_000_000);
});

test("what the library writes is read back", () => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("node")),
      fc.dictionary(fc.string({ minLength: 1 }), tie("node")),
    ),
  })).node;
  fc.assert(
    fc.property(tree, (value) => {
      const text = stringify(value, { version: "1.1" });
      fc.pre(JSON.stringify(parse(text)) === JSON.stringify(value));
      // A plain `<<` is a merge key here and a string there.
      fc.pre(!text.includes("<<"));
      assert.equal(JSON.stringify(valueOf(text)), JSON.stringify(value));
    }),
    { numRuns: 200 },
  );
});

test("any text is a document or a DocumentError", () => {
  const unit = fc.constantFrom(..."ab:-?[]{},&*!|>'\"%@`# \n\t~<.0".split(""));
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
      try {
        parseYamlDocument(text, DEFAULT_READ_LIMITS);
      } catch (error) {
        assert.ok(error instanceof DocumentError, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});
