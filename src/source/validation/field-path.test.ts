import assert from "node:assert/strict";
import { test } from "node:test";
import { FieldPath } from "./field-path.ts";

test("paths read as in the API, and as steps into data", () => {
  const path = FieldPath.root.child("spec").child("rules").index(0).child("http").child("paths").index(12);
  assert.equal(path.toString(), "spec.rules[0].http.paths[12]");
  assert.deepEqual(path.segments(), ["spec", "rules", 0, "http", "paths", 12]);
});

test("keys of maps stand in brackets", () => {
  assert.equal(FieldPath.root.child("data").key("tls.crt").toString(), "data[tls.crt]");
});

test("the root is empty", () => {
  assert.equal(FieldPath.root.toString(), "");
  assert.deepEqual(FieldPath.root.segments(), []);
});

test("a hostile key is cut and cannot steer a terminal", () => {
  const shown = FieldPath.root
    .child("data")
    .key(`\u001b[31m\n${"x".repeat(1_000_000)}`)
    .toString();
  assert.ok(shown.startsWith("data[\\u001b[31m\\u000axxx"));
  assert.ok(shown.length < 400);
});
