import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { splitDocuments } from "./split-documents.ts";

const CASES: readonly (readonly [string, string, readonly (readonly [number, string])[]])[] = [
  ["nothing", "", []],
  ["blank lines and comments", "\n# hello\n\n", []],
  ["one document", "a: b\n", [[1, "a: b\n"]]],
  ["a marker at the start", "---\na: b\n", [[1, "---\na: b\n"]]],
  ["a comment before the marker", "# licence\n---\na: b\n", [[2, "---\na: b\n"]]],
  [
    "two documents",
    "a: b\n---\nc: d",
    [
      [1, "a: b\n"],
      [2, "---\nc: d"],
    ],
  ],
  [
    "an empty document between",
    "a\n---\n---\nb",
    [
      [1, "a\n"],
      [2, "---\n"],
      [3, "---\nb"],
    ],
  ],
  [
    "a marker with content",
    "--- # one\na: b\n---\t{c: d}\n",
    [
      [1, "--- # one\na: b\n"],
      [3, "---\t{c: d}\n"],
    ],
  ],
  [
    "line ends of Windows",
    "a: b\r\n---\r\nc: d\r\n",
    [
      [1, "a: b\r\n"],
      [2, "---\r\nc: d\r\n"],
    ],
  ],
  [
    "dots that end a document",
    "a: b\n...\n# gone\n---\nc: d\n...\n",
    [
      [1, "a: b\n...\n"],
      [4, "---\nc: d\n...\n"],
    ],
  ],
  ["directives", "%YAML 1.2\n---\na: b\n", [[2, "---\na: b\n"]]],
  ["what only looks like a marker", "a: |\n  ---\n----\n---x\n", [[1, "a: |\n  ---\n----\n---x\n"]]],
];

for (const [name, text, expected] of CASES) {
  test(`split ${name}`, () => {
    assert.deepEqual(
      splitDocuments(text).map((part) => [part.firstLine, part.text]),
      expected,
    );
  });
}

test("no more is cut than asked for", () => {
  assert.equal(splitDocuments("---\n".repeat(1_000_000), 3).length, 3);
});

test("the parts hold what the whole held", () => {
  const line = fc.constantFrom("a: 1", "b: [x]", "---", "--- # c", "# c", "", "c: |", "  ---", "  text", "...", "- x");
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const text = lines.join("\n");
      const whole = parseAllDocuments(text, { logLevel: "silent" });
      fc.pre(Array.isArray(whole) && whole.every((document) => document.errors.length === 0));
      const parts = splitDocuments(text).flatMap((part) => parseAllDocuments(part.text, { logLevel: "silent" }));
      const values = (documents: typeof parts): string[] =>
        documents.map((document) => JSON.stringify(document.toJS())).filter((value) => value !== "null");
      assert.deepEqual(values(parts), values(Array.isArray(whole) ? whole : []));
    }),
    { numRuns: 300 },
  );
});
