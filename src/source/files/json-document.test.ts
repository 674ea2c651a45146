import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseJsonDocuments } from "./json-document.ts";
import { DocumentError } from "./parsed-document.ts";
import { DEFAULT_READ_LIMITS } from "./read-limits.ts";

function valuesOf(text: string): unknown[] {
  return parseJsonDocuments(text, DEFAULT_READ_LIMITS).map((document) => document.value);
}

function refusal(text: string, limits: Partial<typeof DEFAULT_READ_LIMITS> = {}): DocumentError {
  try {
    parseJsonDocuments(text, { ...DEFAULT_READ_LIMITS, ...limits });
  } catch (error) {
    assert.ok(error instanceof DocumentError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "the text was accepted" });
}

test("one value is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(0, 1, "\t"), (text, indent) => {
      const value: unknown = JSON.parse(text);
      assert.deepEqual(valuesOf(JSON.stringify(value, null, indent)), [value]);
    }),
  );
});

test("what JSON.parse refuses is refused, and the other way round", () => {
  const unit = fc.constantFrom(...'{}[]:,"\\ue01.-+tn \n'.split(""), "true", "null", '"a"');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 10 }), (text) => {
      let expected: unknown[] | null;
      try {
        expected = [JSON.parse(text)];
      } catch {
        expected = null;
      }
      let actual: unknown[] | null;
      try {
        actual = valuesOf(text);
      } catch (error) {
        assert.ok(error instanceof DocumentError);
        actual = null;
      }
      // Several values in a row, or none, are a stream of documents and no JSON text.
      if (actual !== null && actual.length !== 1) assert.equal(expected, null);
      else assert.deepEqual(actual, expected);
    }),
    { numRuns: 2_000 },
  );
});

test("values may follow each other", () => {
  assert.deepEqual(valuesOf('{"a": 1}\n{"b": 2} [3]'), [{ a: 1 }, { b: 2 }, [3]]);
  assert.deepEqual(valuesOf(" \n"), []);
});

test("mistakes are named with their line", () => {
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['{\n  "a": 1,\n}', 3, /a comma stands before \}/],
    ['{\n  "a" 1}', 2, /a colon was expected/],
    ["{a: 1}", 1, /a key in double quotes was expected/],
    ['{"a": 1\n "b": 2}', 2, /a comma or \} was expected/],
    ["{\"a\": 'x'}", 1, /unexpected '/],
    ['{"a": "x\n"}', 1, /ends in the middle of a line/],
    ['{"a": "\\x"}', 1, /an escape that JSON does not have/],
    ['{"a": 1', 1, /unexpected end/],
    ['{"a": "', 1, /a string has no end/],
    ['{"a": 01}', 1, /a comma or \} was expected/],
  ];
  for (const [text, line, message] of cases) {
    const error = refusal(text);
    assert.equal(error.line, line, text);
    assert.match(error.message, message);
  }
});

test("keys are found by line, in each of several values", () => {
  const documents = parseJsonDocuments('{\n "a": [\n  1,\n  {"b": 2}\n ]\n}\n{\n "c": 1}', DEFAULT_READ_LIMITS);
  assert.equal(documents[0]?.lineOf(["a"]), 2);
  assert.equal(documents[0]?.lineOf(["a", 1, "b"]), 4);
  assert.equal(documents[0]?.lineOf(["a", 9]), 2);
  assert.equal(documents[1]?.lineOf([]), 7);
  assert.equal(documents[1]?.lineOf(["c"]), 8);
});

test("twice the same key: the first counts, the second is known by its line", () => {
  const [document] = parseJsonDocuments('{"x": [{"a": 1,\n "a": 2}]}', DEFAULT_READ_LIMITS);
  assert.deepEqual(document?.value, { x: [{ a: 1 }] });
  assert.deepEqual(document.duplicateKeys, [{ path: ["x", 0], key: "a", line: 2 }]);
});

test("a key that every object has is a key like any other", () => {
  const [value] = valuesOf('{"__proto__": {"x": 1}, "__proto__": 2}') as object[];
  assert.deepEqual(Object.entries(value ?? {}), [["__proto__", { x: 1 }]]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test("depth, values and documents are bounded", () => {
  assert.equal(refusal("[".repeat(100_000)).reason, "DocumentTooDeep");
  assert.equal(refusal('{"a":'.repeat(100_000)).reason, "DocumentTooDeep");
  assert.equal(refusal("[1,2,3]", { maxJsonValues: 3 }).reason, "DocumentTooLarge");
  assert.equal(refusal("{}{}{}", { maxDocumentsPerFile: 2 }).reason, "TooManyDocuments");
});
