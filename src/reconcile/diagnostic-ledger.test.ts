import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { DiagnosticChange } from "./diagnostic-ledger.ts";
import { DiagnosticLedger } from "./diagnostic-ledger.ts";

suite("diagnostic ledger", () => {
  test("says what is new and what is resolved", () => {
    const { ledger, changes } = recorded();
    ledger.replace("translate", [missing("cart"), missing("news")]);
    ledger.replace("translate", [missing("news"), missing("blog")]);
    assert.deepEqual(changes, [
      { added: [missing("cart"), missing("news")], resolved: [] },
      { added: [missing("blog")], resolved: [missing("cart")] },
    ]);
    assert.deepEqual(ledger.current(), [missing("news"), missing("blog")]);
  });

  test("is silent where nothing changed, also when a line moved in its file", () => {
    const { ledger, changes } = recorded();
    ledger.replace("files", [at(missing("cart"), 3)]);
    ledger.replace("files", [at(missing("cart"), 7)]);
    assert.equal(changes.length, 1);
    assert.deepEqual(ledger.current(), [at(missing("cart"), 7)], "the newest place is kept");
  });

  test("one origin does not resolve what another said", () => {
    const { ledger, changes } = recorded();
    ledger.replace("translate", [missing("cart")]);
    ledger.replace("names", [missing("cart")]);
    ledger.replace("names", []);
    assert.deepEqual(changes.at(-1), { added: [], resolved: [missing("cart")] });
    assert.deepEqual(ledger.current(), [missing("cart")]);
  });

  test("repetitions count once", () => {
    const { ledger } = recorded();
    ledger.replace("translate", [missing("cart"), missing("cart")]);
    assert.equal(ledger.current().length, 1);
  });
});

function recorded(): { ledger: DiagnosticLedger; changes: DiagnosticChange[] } {
  const changes: DiagnosticChange[] = [];
  return { ledger: new DiagnosticLedger((change) => changes.push(change)), changes };
}

function missing(name: string): Diagnostic {
  return {
    severity: "error",
    reason: "ServiceNotFound",
    object: { kind: "Ingress", namespace: "default", name },
    field: "spec.defaultBackend",
    message: `Service ${name} does not exist.`,
    hint: "",
    location: null,
  };
}

function at(diagnostic: Diagnostic, line: number): Diagnostic {
  return { ...diagnostic, location: { file: "shop.yaml", document: 1, line } };
}
