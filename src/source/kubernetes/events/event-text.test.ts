// Words and names of Events fit what the API takes, whatever a diagnostic says.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ObjectDiagnostic } from "./diagnostic-list.ts";
import { eventNameOf, noteOf, resolvedNoteOf } from "./event-text.ts";

function diagnostic(fields: Partial<ObjectDiagnostic> = {}): ObjectDiagnostic {
  return {
    severity: "error",
    reason: "ServiceNotFound",
    object: { kind: "Ingress", namespace: "shop", name: "web" },
    field: "spec.rules[0].http.paths[0].backend",
    message: 'there is no Service "cart"',
    hint: "Create it.",
    location: null,
    ...fields,
  };
}

test("a note says where, what, and what to write instead", () => {
  assert.equal(noteOf(diagnostic()), 'spec.rules[0].http.paths[0].backend: there is no Service "cart". Create it.');
  assert.equal(noteOf(diagnostic({ field: "", message: "it is broken.", hint: "Mend it." })), "it is broken. Mend it.");
  assert.equal(noteOf(diagnostic({ field: "", hint: "" })), 'there is no Service "cart"');
});

test("notes never exceed 1024 bytes, and are readable text", () => {
  const text = fc.string({ unit: "binary", maxLength: 700 });
  fc.assert(
    fc.property(text, text, text, (field, message, hint) => {
      for (const note of [
        noteOf(diagnostic({ field, message, hint })),
        resolvedNoteOf(diagnostic({ field, message })),
      ]) {
        assert.ok(Buffer.byteLength(note) <= 1024);
        assert.ok(note.isWellFormed());
        assert.doesNotMatch(note, /[\n\r\u001b\u202e]/);
      }
    }),
    { numRuns: 40 },
  );
  const cut = noteOf(diagnostic({ message: "é".repeat(2_000) }));
  assert.ok(cut.endsWith("é…") && Buffer.byteLength(cut) > 1_000);
});

test("names are the same for the same, another for anything else, and valid for the longest objects", () => {
  const one = eventNameOf(diagnostic(), "uid-1", "Warning");
  assert.match(one, /^web\.[0-9a-f]{16}$/);
  assert.equal(eventNameOf(diagnostic({ hint: "x", severity: "warning" }), "uid-1", "Warning"), one);
  const others = [
    eventNameOf(diagnostic(), "uid-2", "Warning"),
    eventNameOf(diagnostic(), "uid-1", "Normal"),
    eventNameOf(diagnostic({ reason: "Other" }), "uid-1", "Warning"),
    eventNameOf(diagnostic({ field: "spec" }), "uid-1", "Warning"),
    eventNameOf(diagnostic({ message: "m" }), "uid-1", "Warning"),
  ];
  assert.equal(new Set([one, ...others]).size, 6);
  const long = `${"a".repeat(199)}.${"b".repeat(53)}`;
  const name = eventNameOf(diagnostic({ object: { kind: "Ingress", namespace: "shop", name: long } }), "u", "Warning");
  assert.match(name, /^a{199}\.[0-9a-f]{16}$/);
});
