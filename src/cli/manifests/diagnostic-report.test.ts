// How diagnostics read, in which order, and that nothing in them steers the terminal.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { countSeverities, formatCounts, formatDiagnostic, sortDiagnostics, toDocument } from "./diagnostic-report.ts";

function diagnostic(changes: Partial<Diagnostic>): Diagnostic {
  return {
    severity: "error",
    reason: "ServiceNotFound",
    object: { kind: "Ingress", namespace: "shop", name: "web" },
    field: "spec.rules[0].host",
    message: "the Service is missing.",
    hint: "Create it.",
    location: { file: "shop.yaml", document: 1, line: 7 },
    ...changes,
  };
}

describe("a diagnostic in text", () => {
  it("is one line: where, how bad, what, and what to do", () => {
    assert.equal(
      formatDiagnostic(diagnostic({})),
      "shop.yaml:7: error: Ingress shop/web spec.rules[0].host: the Service is missing. Create it",
    );
  });

  it("leaves out what is not known", () => {
    const bare = diagnostic({ location: null, object: null, field: "", hint: "", severity: "warning" });
    assert.equal(formatDiagnostic(bare), "warning: the Service is missing");
    const clusterScoped = diagnostic({ object: { kind: "IngressClass", namespace: "", name: "a" }, field: "" });
    assert.match(formatDiagnostic(clusterScoped), /error: IngressClass a: the Service/);
  });

  it("shows escape sequences and line breaks instead of obeying them", () => {
    const line = formatDiagnostic(diagnostic({ message: "a\u001b[31mred\r\n\u202eb\u009b" }));
    assert.match(line, /a\\u001b\[31mred\\u000d\\u000a\\u202eb\\u009b/);
  });
});

describe("diagnostics together", () => {
  it("are sorted by file, line, object and field, with indexes as numbers, and told once", () => {
    const at = (file: string, line: number, field: string): Diagnostic =>
      diagnostic({ field, location: { file, document: 1, line } });
    const sorted = sortDiagnostics([
      at("b.yaml", 1, "a"),
      at("a.yaml", 10, "a"),
      at("a.yaml", 9, "r[10]"),
      at("a.yaml", 9, "r[9]"),
      at("a.yaml", 9, "r[9]"),
    ]);
    assert.deepEqual(
      sorted.map(({ location, field }) => `${location?.file}:${location?.line} ${field}`),
      ["a.yaml:9 r[9]", "a.yaml:9 r[10]", "a.yaml:10 a", "b.yaml:1 a"],
    );
  });

  it("are counted in words", () => {
    const list = [diagnostic({}), diagnostic({ severity: "warning" }), diagnostic({ severity: "info" })];
    assert.equal(formatCounts(countSeverities(list)), "1 error, 1 warning, 1 notice");
    assert.equal(formatCounts(countSeverities([])), "no errors");
    assert.equal(formatCounts(countSeverities([...list, ...list])), "2 errors, 2 warnings, 2 notices");
  });

  it("have a document with every key, null where something is not known", () => {
    const document = toDocument([diagnostic({ object: null, location: null })]);
    assert.deepEqual(document, {
      summary: { errors: 1, warnings: 0, infos: 0 },
      diagnostics: [
        {
          severity: "error",
          reason: "ServiceNotFound",
          object: null,
          field: "spec.rules[0].host",
          message: "the Service is missing.",
          hint: "Create it.",
          location: null,
        },
      ],
    });
  });
});
